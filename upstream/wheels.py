"""Gets released savers from the package index and reads their migrations without running them."""

import ast
import shutil
import subprocess
import sys
import tempfile
import zipfile
from functools import partial
from importlib.metadata import distribution
from pathlib import Path

from devstack import cache
from upstream.errors import UpstreamError

PACKAGE = "langgraph-checkpoint-postgres"
BASE = "langgraph/checkpoint/postgres/base.py"


def version_of(wheel: Path) -> str:
    """Return the version in a wheel's file name."""
    parts = wheel.name.split("-")
    if len(parts) < 5 or parts[0] != PACKAGE.replace("-", "_"):
        msg = f"expected a version or a wheel of {PACKAGE}, found {str(wheel)!r}: name one of them"
        raise UpstreamError(msg)
    return parts[1]


def released(version: str) -> Path:
    """Return the wheel of a version; it is downloaded once."""
    fill = partial(_download, f"{PACKAGE}=={version}")
    return next(cache.folder(_cached(version), fill, lambda: None).glob("*.whl"))


def newest() -> Path:
    """Return the wheel of the newest release that the configured package index offers."""
    with tempfile.TemporaryDirectory() as folder:
        _download(PACKAGE, Path(folder))
        (wheel,) = Path(folder).glob("*.whl")

        def keep(scratch: Path) -> None:
            shutil.copy2(wheel, scratch)

        return cache.folder(_cached(version_of(wheel)), keep, lambda: None) / wheel.name


def texts(wheel: Path) -> list[str]:
    """Return the migrations of a wheel; the position of a text is its version."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            source = archive.read(BASE).decode()
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        msg = f"expected a wheel with {BASE}, found {str(wheel)!r}: {error}"
        raise UpstreamError(msg) from error
    return _migrations(source, str(wheel))


def known_texts() -> list[str]:
    """Return the migrations of the release that this project is pinned to."""
    path = Path(str(distribution(PACKAGE).locate_file(BASE)))
    return _migrations(path.read_text(), str(path))


def _migrations(source: str, origin: str) -> list[str]:
    for node in ast.parse(source).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if not any(isinstance(x, ast.Name) and x.id == "MIGRATIONS" for x in targets):
            continue
        try:
            found = ast.literal_eval(node.value)  # pyright: ignore[reportAttributeAccessIssue]
        except ValueError:
            break
        if isinstance(found, list) and found and all(isinstance(text, str) for text in found):
            return found
    msg = f"expected a list MIGRATIONS of plain strings in {origin}, found none: read its setup()"
    raise UpstreamError(msg)


def _cached(version: str) -> str:
    return f"saver-wheel-{version}"


def _download(requirement: str, folder: Path) -> None:
    # A release for a newer Python than this one is news too.
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--ignore-requires-python"]
    result = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "download",
            *options,
            "--dest",
            folder,
            requirement,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        last = (result.stderr.strip() or "no message").splitlines()[-1].removeprefix("ERROR: ")
        msg = f"expected {requirement} on the package index that pip is set to, found none: {last}"
        raise UpstreamError(msg)
