"""Reads the files that the Jobs run, checks them and names their content."""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from string import Template

MIGRATIONS = Path(__file__).parent.parent / "migrations"
SCRIPTS = Path(__file__).with_name("scripts")

MIGRATION_FILE = re.compile(r"(\d{3})_[a-z0-9_]+\.(up|down|verify)\.sql")
PARTS = {"up", "down", "verify"}

# A ConfigMap holds 1 MiB; what is left is for names and metadata.
MAX_BYTES = 900_000


class MigrationFilesError(ValueError):
    """The migrations folder does not hold what a migration needs."""


def load_migrations(folder: Path = MIGRATIONS) -> dict[str, str]:
    """Return the SQL files and the verifier by name, in order.

    Raises:
        MigrationFilesError: a file is missing, misnamed, empty or not plain UTF-8 text.

    """
    parts: dict[str, set[str]] = {}
    for path in sorted(folder.glob("*.sql")):
        match = MIGRATION_FILE.fullmatch(path.name)
        if not match:
            msg = f"expected a name such as 001_what.up.sql in {folder}, found {path.name!r}"
            raise MigrationFilesError(msg)
        parts.setdefault(match[1], set()).add(match[2])
    for number, found in parts.items():
        if found != PARTS:
            missing = ", ".join(sorted(PARTS - found))
            msg = f"migration {number}: expected up, down and verify, found no {missing}"
            raise MigrationFilesError(msg)
    if not parts:
        msg = f"expected migrations in {folder}, found none"
        raise MigrationFilesError(msg)
    paths = [*sorted(folder.glob("*.sql")), folder / "verify_migration.sh"]
    return _checked({path.name: path for path in paths})


def load_scripts() -> dict[str, str]:
    """Return the containers' shell scripts, and the SQL they run beside the migration, by name."""
    paths = [*SCRIPTS.glob("*.sh"), *SCRIPTS.glob("*.sql")]
    return _checked({path.name: path for path in sorted(paths)})


def render(path: Path, values: Mapping[str, str]) -> str:
    """Fill the `${name}` places of a file; `values` must hold every one of them."""
    return Template(path.read_text()).substitute(values)


def newest(files: Mapping[str, str]) -> str:
    """Return the number of the newest migration, three digits."""
    return max(match[1] for name in files if (match := MIGRATION_FILE.fullmatch(name)))


def digest(files: Mapping[str, str]) -> str:
    """Return the name of the files' content: equal content, equal name."""
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:10]


def sums(files: Mapping[str, str]) -> str:
    """Return the lines that sha256sum prints for the files, sorted."""
    return "\n".join(
        sorted(
            f"{hashlib.sha256(content.encode()).hexdigest()}  {name}"
            for name, content in files.items()
        )
    )


def _checked(paths: Mapping[str, Path]) -> dict[str, str]:
    files: dict[str, str] = {}
    for name, path in paths.items():
        content = path.read_bytes()
        if b"\r" in content or content.startswith(b"\xef\xbb\xbf") or not content.endswith(b"\n"):
            msg = f"{name}: expected UTF-8 text with Unix line ends and a last newline"
            raise MigrationFilesError(msg)
        files[name] = content.decode()
    if sum(map(len, files.values())) > MAX_BYTES:
        msg = f"expected at most {MAX_BYTES} bytes for one ConfigMap, found more"
        raise MigrationFilesError(msg)
    return files
