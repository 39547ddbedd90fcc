"""Reads the files that the Jobs mount: the migrations, the scripts of several rooms, CAs."""

import re
from collections.abc import Mapping
from pathlib import Path

from ..backup.manifests import BACKUP_SCRIPT
from ..database.connection import CONNECTION_SCRIPT
from ..inputs.derived import pem
from ..inputs.storage import CheckpointStorageArgs
from ..jobs.pod import DATABASE_CA, VAULT_CA
from ..kubernetes.files import INCLUDED, FilesError, checked, with_included
from ..vault.agent import INIT_SCRIPT, agent_config

HERE = Path(__file__).parent
ROOMS = HERE.parent
# A clone has the SQL beside this package, and what was built of it inside.
INSIDE, BESIDE = ROOMS / "migrations", ROOMS.parent / "migrations"
MIGRATIONS = INSIDE if INSIDE.is_dir() else BESIDE

MIGRATION_FILE = re.compile(r"(\d{3})_[a-z0-9_]+\.(up|down|verify)\.sql")
PARTS = {"up", "down", "verify"}
# What the parts have in common, such as session.sql and the layout of each version.
SHARED_FILE = re.compile(r"[a-z][a-z0-9_]*\.sql")
VERSION = re.compile(r"^\\set version (\d+)$", re.MULTILINE)


def load_migrations(folder: Path = MIGRATIONS) -> dict[str, str]:
    """Return the SQL files and the verifier by name, in order.

    Raises:
        FilesError: a file is missing, misnamed, empty or not plain UTF-8 text.

    """
    parts: dict[str, set[str]] = {}
    names: dict[str, set[str]] = {}
    paths = sorted(folder.glob("*.sql"))
    for path in paths:
        if SHARED_FILE.fullmatch(path.name):
            continue
        match = MIGRATION_FILE.fullmatch(path.name)
        if not match:
            msg = f"expected a name such as 001_what.up.sql in {folder}, found {path.name!r}"
            raise FilesError(msg)
        parts.setdefault(match[1], set()).add(match[2])
        names.setdefault(match[1], set()).add(path.name.removesuffix(f".{match[2]}.sql"))
    for number, found in parts.items():
        if len(names[number]) != 1:
            two = " and ".join(sorted(names[number]))
            msg = f"migration {number}: expected one name, found {two}; give one the next number"
            raise FilesError(msg)
        if found != PARTS:
            missing = ", ".join(sorted(PARTS - found))
            msg = f"migration {number}: expected up, down and verify, found no {missing}"
            raise FilesError(msg)
    if not parts:
        msg = f"expected migrations in {folder}, found none"
        raise FilesError(msg)
    files = checked({path.name: path for path in [*paths, folder / "verify_migration.sh"]})
    for name in files:
        if missing := with_included(files, [name]) - files.keys():
            msg = f"expected {min(missing)}, which {name} includes, found no such file in {folder}"
            raise FilesError(msg)
    return files


def schema_version(files: Mapping[str, str]) -> int:
    """Return the version that the newest migration leaves behind, as its layout has it.

    Raises:
        FilesError: its up file includes no layout, or two.

    """
    (up,) = (name for name in files if name.startswith(newest(files)) and name.endswith(".up.sql"))
    # Not those of the migrations before it, which it includes as well.
    found = VERSION.findall("".join(files[name] for name in INCLUDED.findall(files[up])))
    if len(found) != 1:
        msg = f"expected {up} to include one file with \\set version, found {len(found)}"
        raise FilesError(msg)
    return int(found[0])


def load_scripts() -> dict[str, str]:
    """Return the containers' shell scripts, and the SQL they run beside the migration, by name."""
    own = [*HERE.glob("*.sh"), *HERE.glob("*.sql")]
    # The dump comes before a rollback, and takes its script from the same ConfigMap.
    paths = {path.name: path for path in (*own, CONNECTION_SCRIPT, INIT_SCRIPT, BACKUP_SCRIPT)}
    return checked(dict(sorted(paths.items())))


def job_files(args: CheckpointStorageArgs) -> dict[str, str]:
    """Return the files that the Jobs mount, by name; none of them holds a secret."""
    certificates = {VAULT_CA: args.vault_ca_cert_file, DATABASE_CA: args.database_ca_cert_file}
    return {
        **load_migrations(),
        **load_scripts(),
        "vault-agent.hcl": agent_config(args),
        **{name: pem(path) for name, path in certificates.items() if path},
    }


def migration_files(files: Mapping[str, str]) -> dict[str, str]:
    """Return those of the Jobs' files that the migration and the verification mount."""
    return _without(files, {"down"}, {BACKUP_SCRIPT.name})


def rollback_files(files: Mapping[str, str]) -> dict[str, str]:
    """Return those of the Jobs' files that the rollback mounts."""
    return _without(files, {"up", "verify"}, {"verify.sh", "verify_migration.sh"})


def _without(files: Mapping[str, str], parts: set[str], scripts: set[str]) -> dict[str, str]:
    """Return the files without these scripts, these parts and what no other part includes."""
    matches = {name: match for name in files if (match := MIGRATION_FILE.fullmatch(name))}
    left_out = {name for name, match in matches.items() if match[2] in parts}
    needed = with_included(files, matches.keys() - left_out)
    left_out |= with_included(files, left_out) - needed
    return {name: text for name, text in files.items() if name not in left_out | scripts}


def newest(files: Mapping[str, str]) -> str:
    """Return the number of the newest migration, three digits."""
    return max(match[1] for name in files if (match := MIGRATION_FILE.fullmatch(name)))
