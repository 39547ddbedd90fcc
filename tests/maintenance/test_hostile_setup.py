"""What an application puts into the schema through which setup() passes reaches no other Job."""

from pathlib import Path

import pytest

from tests.maintenance.retained import Retain, threads
from tests.maintenance.retained import container as container
from tests.maintenance.retained import database as database
from tests.maintenance.retained import expected as expected
from tests.maintenance.retained import programs as programs
from tests.maintenance.retained import retain as retain
from tests.maintenance.retained import retention_template as retention_template
from tests.migrations.conftest import run_file
from tests.migrations.test_application_setup import TRAPS
from tests.scripts.conftest import Container
from tests.support.histories import rows_of, saver_of
from tests.support.postgres import Database, bin_dir


@pytest.fixture
def trapped(database: Database) -> Database:
    """Fill the schema with traps, and bring it into everybody's path."""
    app = database.server.create_role()
    up = run_file(database, "up", app_role=app, application_setup="true")
    assert up.returncode == 0, up.stderr
    with database.connect(app) as connection:
        for statement in TRAPS:
            connection.execute(statement.encode())
    path = "public_setup, public, pg_catalog"
    database.execute(f"ALTER DATABASE {database.name} SET search_path = {path}")
    return database


def test_retention_prunes_the_tables_themselves(
    trapped: Database, expected: Database, retain: Retain
) -> None:
    with saver_of(expected) as saver:
        saver.prune([*threads(expected, "idle-%"), *threads(expected, "expired-%")])

    sentence = retain()

    trapped.execute(f"ALTER DATABASE {trapped.name} RESET search_path")
    assert rows_of(trapped) == rows_of(expected)
    assert sentence.startswith("pruned 16 threads and deleted 0 threads: ")


def test_a_dump_holds_the_tables_themselves(
    trapped: Database, container: Container, programs: Path, tmp_path: Path
) -> None:
    for name in ("pg_dump", "pg_restore"):
        if not (programs / name).exists():
            (programs / name).symlink_to(bin_dir() / name)
    volume = tmp_path / "volume"
    volume.mkdir()

    status, output, message = container.run(
        "backup.sh", BACKUP_PURPOSE="schedule", BACKUP_DIR=str(volume), BACKUP_NAME="prod"
    )

    assert status == 0, output
    (dump,) = volume.iterdir()
    contents = trapped.run("pg_restore", "--list", str(dump)).stdout
    assert "public_setup" not in contents
    rows = trapped.value("SELECT count(*) FROM public.checkpoints")
    assert rows > 1
    assert "dumped 4 tables" in message
