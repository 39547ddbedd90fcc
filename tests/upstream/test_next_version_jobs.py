"""What the Jobs run, and what looks at their database, at a made-up next version of LangGraph."""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langgraph_checkpoint_application import checkpoint_pool

from tests.maintenance.retained import DEFAULTS, RETENTION
from tests.maintenance.test_application import arguments, run
from tests.maintenance.test_application import settings as settings
from tests.maintenance.test_backup import backup as backup
from tests.maintenance.test_backup import volume as volume
from tests.migrations.ancestors import NEWEST, Ancestor
from tests.scripts.conftest import Container
from tests.scripts.conftest import container as container
from tests.scripts.conftest import programs as programs
from tests.support.deployment import REPOSITORY
from tests.support.monitoring import collected
from tests.support.next_version import LAYOUT, TEXTS
from tests.support.postgres import Database
from tests.unit.conftest import configure as configure
from tests.upstream.conftest import psql

HIGHEST = len(TEXTS) - 1
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def used(database: Database, container: Container, tree: Path) -> Container:
    """Return a container with the new files, before a database of today's version with rows."""
    container.environment["MIGRATIONS_DIR"] = str(tree / "migrations")
    Ancestor(NEWEST).load(database)
    return container


@pytest.fixture
def upgraded(used: Container) -> Container:
    status, output, message = used.run("migrate.sh", "up")
    assert status == 0, output
    assert message.startswith(f"schema public at version {HIGHEST}: 4 tables, 8 indexes")
    return used


def test_an_upgrade_that_is_stopped_in_its_index_build_is_completed_by_the_next(
    used: Container, database: Database, upstream_dump: str
) -> None:
    with database.connect() as older:
        # The concurrent build waits for whoever may still see the table without the index.
        older.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        older.execute("SELECT FROM pg_class")
        process = used.start("migrate.sh", "up", PROGRESS_SECONDS="1")
        assert process.stdout
        assert any(line.startswith("==> index build on") for line in process.stdout)
        process.send_signal(signal.SIGTERM)
        assert used.finish(process)[0] == 143
    left = database.value(
        "SELECT bool_or(indisvalid) FROM pg_index "
        "WHERE indexrelid = to_regclass('checkpoints_created_at_idx')"
    )

    status, output, _ = used.run("migrate.sh", "up")

    assert left is False
    assert status == 0, output
    assert database.schema_dump() == upstream_dump


def test_what_a_full_disk_left_of_its_index_is_dropped_and_nothing_else(
    upgraded: Container, database: Database
) -> None:
    names = "checkpoints_created_at_idx", "somebodys_idx"
    database.execute(f"CREATE INDEX {names[1]} ON checkpoints (type)")
    for name in names:
        database.execute(
            f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{name}'::regclass"
        )
    layout = Path(upgraded.environment["MIGRATIONS_DIR"]) / LAYOUT
    script = REPOSITORY / "components" / "schema" / "drop_invalid_indexes.sql"

    done = psql(database, script, layout_file=str(layout))

    assert done.returncode == 0, done.stderr
    assert [database.value(f"SELECT to_regclass('{name}')::text") for name in names] == [
        None,
        names[1],
    ]


def test_the_verification_reports_it(upgraded: Container) -> None:
    status, output, report = upgraded.run("verify.sh")

    assert status == 0, output
    assert json.loads(report)["version"] == HIGHEST
    assert json.loads(report)["tables"]["checkpoints"]["rows"] == 5


def test_the_verification_of_the_version_before_says_what_is_missing(used: Container) -> None:
    status, _, message = used.run("verify.sh")

    assert status == 1
    assert message.startswith(
        f"expected schema public to equal version {HIGHEST}, found: columns: "
    )


def test_the_rollback_keeps_rows_and_drops_all_when_told(
    upgraded: Container, database: Database
) -> None:
    refused, _, reason = upgraded.run("migrate.sh", "down")
    allowed, output, _ = upgraded.run("migrate.sh", "down", ALLOW_DATA_LOSS="true")

    assert (refused, allowed) == (10, 0), output
    assert "refusing to drop tables that hold data" in reason
    assert database.value("SELECT to_regclass('checkpoints')") is None


def test_metrics_read_it(upgraded: Container, database: Database) -> None:
    with psycopg.connect(database.server.conninfo(database.name), autocommit=True) as observer:
        samples = collected(observer)

    assert samples["langgraph_checkpoint_schema_version", "dev"] == HIGHEST


def test_retention_works_on_it(upgraded: Container) -> None:
    status, output, message = upgraded.run(RETENTION, **DEFAULTS, DELETE_THREADS_AFTER_DAYS="300")

    assert status == 0, output
    assert message.startswith("pruned 0 threads and deleted 3 threads: 5 checkpoints")


def test_the_application_of_today_starts_on_it(
    upgraded: Container, database: Database, settings: Any
) -> None:
    with checkpoint_pool(*arguments(database, "postgres", settings())) as pool:
        assert run(pool, "t")["steps"] == ["done"]


def test_a_dump_of_it_is_restored_and_verified(
    used: Container, database: Database, backup: Run, upgraded: Container
) -> None:
    assert backup()[0] == 0

    status, output, message = upgraded.run("restore_drill.sh")

    assert status == 0, output
    assert message.endswith("8 checks passed; the scratch database is dropped")
