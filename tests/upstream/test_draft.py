"""A draft runs after the migrations before it and keeps their files' rules."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.schema.files import load_migrations
from tests.migrations import test_files
from tests.migrations.conftest import MIGRATIONS, recorded, run_file
from tests.support.postgres import Database, Server
from tests.upstream.conftest import NEW_COLUMN, psql
from upstream import draft
from upstream.statements import read

SQUAWK = Path(sys.executable).with_name("squawk")
INDEX = "CREATE INDEX CONCURRENTLY IF NOT EXISTS checkpoints_type_idx ON checkpoints(type);"
TABLE = "CREATE TABLE IF NOT EXISTS checkpoint_notes (note TEXT NOT NULL DEFAULT 'a, b');"
UPDATE = "UPDATE checkpoints SET type = 'json' WHERE type IS NULL;"


def drafted(folder: Path, *texts: str) -> dict[str, Path]:
    paths = draft.write(folder, "9.9.9", [read(10 + n, text) for n, text in enumerate(texts)])
    return {path.name.split(".")[1]: path for path in paths}


@pytest.fixture(scope="module")
def migrated(server: Server) -> Iterator[Database]:
    template = server.create_database()
    assert run_file(template, "up").returncode == 0
    yield template
    template.drop()


@pytest.fixture
def database(server: Server, migrated: Database) -> Iterator[Database]:
    copy = server.create_database(template=migrated.name)
    yield copy
    copy.drop()


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param([NEW_COLUMN], id="column"),
        pytest.param([INDEX], id="index"),
        pytest.param([TABLE], id="table"),
        pytest.param([NEW_COLUMN, "", INDEX, "SELECT 1;", TABLE], id="all-of-it"),
    ],
)
def test_the_draft_goes_up_is_verified_and_comes_down_again(
    database: Database, migrations: Path, texts: list[str]
) -> None:
    files = drafted(migrations, *texts)
    before = database.schema_dump()

    unfit = psql(database, files["verify"])
    up = psql(database, files["up"])
    again = psql(database, files["up"])
    fit = psql(database, files["verify"])
    above = database.schema_dump(), recorded(database)
    down = psql(database, files["down"])

    assert "MG030: expected schema public to hold version 10" in unfit.stderr
    assert [x.returncode for x in (up, again, fit, down)] == [0, 0, 0, 0], up.stderr + down.stderr
    assert above[0] != before
    assert above[1] == list(range(10 + len(texts)))
    assert (database.schema_dump(), recorded(database)) == (before, list(range(10)))


def test_the_draft_makes_what_upstream_makes(
    database: Database, server: Server, langgraph_template: Database, migrations: Path
) -> None:
    upstream = server.create_database(template=langgraph_template.name)
    upstream.execute(NEW_COLUMN, INDEX, TABLE)

    psql(database, drafted(migrations, NEW_COLUMN, INDEX, TABLE)["up"])

    assert database.schema_dump() == upstream.schema_dump()
    upstream.drop()


@pytest.mark.parametrize(
    ("loss", "missing"),
    [
        ("ALTER TABLE checkpoints DROP COLUMN created_at", "column checkpoints.created_at"),
        ("DROP INDEX checkpoints_type_idx", "index checkpoints_type_idx"),
        (
            "UPDATE pg_index SET indisvalid = false "
            "WHERE indexrelid = 'checkpoints_type_idx'::regclass",
            "index checkpoints_type_idx",
        ),
        ("DROP TABLE checkpoint_notes", "table checkpoint_notes"),
        ("DELETE FROM checkpoint_migrations WHERE v = 11", "version 11"),
    ],
)
def test_the_drafted_verify_file_names_what_is_missing(
    database: Database, migrations: Path, loss: str, missing: str
) -> None:
    files = drafted(migrations, NEW_COLUMN, INDEX, TABLE)
    psql(database, files["up"])
    database.execute(loss)

    result = psql(database, files["verify"])

    assert result.returncode == 3
    assert f"found missing: {missing}: run the up file" in result.stderr


def test_the_drafted_up_file_waits_for_the_version_before_it(
    database: Database, migrations: Path
) -> None:
    database.execute("DELETE FROM checkpoint_migrations WHERE v = 9")

    result = psql(database, drafted(migrations, NEW_COLUMN)["up"])

    assert "MG011: expected version 9 or higher in schema public, found 8" in result.stderr


def test_two_drafts_at_once_do_not_get_in_each_others_way(
    database: Database, migrations: Path
) -> None:
    files = drafted(migrations, NEW_COLUMN)
    with database.connect() as connection:
        connection.execute("SELECT pg_advisory_lock(1279739699, hashtext('public'))")
        results = [psql(database, files[part]) for part in ("up", "down")]

    assert all("MGBSY: expected no other migration" in x.stderr for x in results)


def test_the_drafted_down_file_keeps_rows_unless_it_is_told_to_lose_them(
    database: Database, migrations: Path
) -> None:
    files = drafted(migrations, NEW_COLUMN)
    psql(database, files["up"])
    database.execute(
        "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('a', 'b', '{}')"
    )

    refused = psql(database, files["down"])
    allowed = psql(database, files["down"], allow_data_loss="true")

    assert "MG020: expected table checkpoints to be empty, found rows" in refused.stderr
    assert allowed.returncode == 0
    assert recorded(database) == list(range(10))
    assert database.value("SELECT count(*) FROM checkpoints") == 1


def test_what_cannot_be_derived_stops_the_draft_until_somebody_decides(
    database: Database, migrations: Path
) -> None:
    files = drafted(migrations, UPDATE)

    results = {part: psql(database, files[part]) for part in ("up", "verify", "down")}

    assert UPDATE in files["up"].read_text()
    assert results["up"].returncode == 0
    for part in ("verify", "down"):
        assert "MG040: expected a decision about the new text of version 10" in results[part].stderr


@pytest.mark.parametrize(
    ("text", "undo"),
    [
        (
            "ALTER TABLE t ADD c NUMERIC(10, 2) DEFAULT 0",
            "ALTER TABLE t DROP COLUMN IF EXISTS c RESTRICT;",
        ),
        (
            "create unique index i on t (a, b)",
            "DROP INDEX CONCURRENTLY IF EXISTS i RESTRICT;",
        ),
        ("-- why\n CREATE TABLE t(\n a INT\n);", "DROP TABLE IF EXISTS t RESTRICT;"),
        ("ALTER TABLE t ADD COLUMN a INT, ADD COLUMN b INT", None),
        ("ALTER TABLE t ADD COLUMN a INT; UPDATE t SET a = 1;", None),
        ("ALTER TABLE t ADD CONSTRAINT k UNIQUE (a)", None),
        ("ALTER TABLE t ALTER COLUMN a DROP NOT NULL;", None),
        ('ALTER TABLE "T" ADD COLUMN a INT', None),
        ("SELECT 1;", ""),
        ("", ""),
    ],
)
def test_a_text_is_reversed_only_when_that_follows_from_it(text: str, undo: str | None) -> None:
    found = read(10, text).undo

    assert (found.splitlines()[-1] if found else found) == undo


@pytest.mark.parametrize("texts", [[NEW_COLUMN], [INDEX, TABLE, UPDATE, NEW_COLUMN]])
def test_a_draft_keeps_the_rules_of_the_migration_files(migrations: Path, texts: list[str]) -> None:
    files = drafted(migrations, *texts)

    for part, path in files.items():
        test_files.test_migration_files_follow_the_naming_rule(path)
        test_files.test_files_are_plain_text_with_short_lines(path)
        if part != "verify":
            found = subprocess.run(
                [SQUAWK, "--stdin-filepath", path.name],
                input=test_files.for_squawk(path),
                cwd=MIGRATIONS.parent,
                capture_output=True,
                text=True,
                check=False,
            )
            assert found.returncode == 0, found.stdout
    assert {path.name for path in files.values()} < load_migrations(migrations).keys()
