"""Packs the built programs into one archive, and takes them from there instead of building them."""

import hashlib
import os
import platform
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from devstack import cache
from devstack.toolchain import golang, programs
from devstack.toolchain.compiler import ToolchainError
from devstack.toolchain.golang import Program

TOOLCHAIN = "TOOLCHAIN"
_MACHINE = f"{platform.system()} {platform.machine()}"
_SECONDS = 60


def pack(archive: Path, report: Callable[[str], None]) -> None:
    """Write the programs of the stack, built now where they are missing, and their checksum.

    The checksum goes to a file beside the archive, as `sha256sum -c` reads it.

    Raises:
        ToolchainError: a program could not be built.
    """
    with golang.fetching(programs.EVERYTHING, report) as ahead:
        built = [golang.build(program, report, ahead) for program in programs.EVERYTHING]
    with tarfile.open(archive, "w:gz", compresslevel=6) as tar:
        for path in built:
            tar.add(path, arcname=f"{_MACHINE}/{path.parent.name}/{path.name}")
    with archive.open("rb") as content:
        checksum = hashlib.file_digest(content, "sha256").hexdigest()
    _checksum_of(archive).write_text(f"{checksum}  {archive.name}\n")
    report(f"wrote {archive} ({archive.stat().st_size >> 20} MB) and {_checksum_of(archive).name}")


def unpack(wanted: Sequence[Program], report: Callable[[str], None]) -> None:
    """Fill the cache with what it lacks of `wanted` from $TOOLCHAIN, where that names an archive.

    Raises:
        ToolchainError: the archive is not there or does not have the checksum beside it.
    """
    source = os.environ.get(TOOLCHAIN)
    missing = [program for program in wanted if not golang.is_built(program)]
    if not source or not missing:
        return
    cache.root().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".archive.", dir=cache.root()) as folder:
        archive = Path(folder) / "archive"
        _fetch(source, archive)
        _verify(source, archive, _fetch(f"{source}.sha256", _checksum_of(archive)))
        with tarfile.open(archive) as tar:
            found = [program.title for program in missing if _take(tar, program)]
    report(f"took {len(found)} of {len(missing)} programs from {source}")


def _checksum_of(archive: Path) -> Path:
    return archive.with_name(f"{archive.name}.sha256")


def _fetch(source: str, target: Path) -> Path:
    try:
        with _open(source) as content, target.open("wb") as copy:
            shutil.copyfileobj(content, copy)
    except (OSError, urllib.error.URLError) as error:
        message = f"{TOOLCHAIN}: expected to read {source}, found: {error}: check the name"
        raise ToolchainError(message) from None
    return target


def _open(source: str) -> IO[bytes]:
    if source.startswith(("http://", "https://")):
        return urllib.request.urlopen(source, timeout=_SECONDS)  # noqa: S310 # http alone
    return Path(source).open("rb")


def _verify(source: str, archive: Path, checksum: Path) -> None:
    expected = (checksum.read_text(errors="replace").split() or ["nothing"])[0]
    with archive.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != expected:
        message = (
            f"{TOOLCHAIN}: expected {source} to have the checksum {expected} of {source}.sha256,"
            f" found {found}: fetch both anew, or run without {TOOLCHAIN} to build the tools"
        )
        raise ToolchainError(message)


def _take(tar: tarfile.TarFile, program: Program) -> bool:
    """Fill the cache's folder of a program; nothing of the archive but its bytes is trusted."""
    try:
        content = tar.extractfile(f"{_MACHINE}/{program.key}/{program.name}")
    except KeyError:
        return False
    if content is None:
        return False

    def fill(scratch: Path) -> None:
        with (scratch / program.name).open("wb") as target:
            shutil.copyfileobj(content, target)
        (scratch / program.name).chmod(0o755)

    cache.folder(program.key, fill, lambda: None)
    return True
