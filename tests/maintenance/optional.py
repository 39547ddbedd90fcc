"""Runs the optional SQL files as an administrator runs them."""

from subprocess import CompletedProcess

from tests.migrations.conftest import MIGRATIONS
from tests.support.postgres import SUPERUSER, Database
from tests.support.version_9 import INDEXED

OPTIONAL = MIGRATIONS / "optional"
KEYS = {f"{table}_pkey" for table in INDEXED}
THREAD_INDEXES = {f"{table}_thread_id_idx" for table in INDEXED}
METADATA_INDEX = "checkpoints_metadata_idx"


def run_optional(
    database: Database, name: str, *, user: str = SUPERUSER, **variables: str
) -> CompletedProcess[str]:
    settings = [f"--set={key}={value}" for key, value in variables.items()]
    return database.run("psql", "-X", *settings, "-f", str(OPTIONAL / f"{name}.sql"), user=user)


def apply(database: Database, *names: str) -> None:
    for name in names:
        done = run_optional(database, name)
        assert done.returncode == 0, done.stderr
