"""A draft keeps the rules of the migration's files, and says what a human has to decide."""

import subprocess
import sys
from pathlib import Path

import pytest

from components.schema.files import load_migrations, newest, schema_version
from tests.migrations import test_files
from tests.migrations.ancestors import NEWEST, Ancestor
from tests.migrations.conftest import MIGRATIONS, recorded
from tests.support.next_version import without_marks
from tests.support.postgres import Database
from tests.upstream.conftest import NEW_COLUMN, psql
from upstream import draft
from upstream.statements import read

SQUAWK = Path(sys.executable).with_name("squawk")
INDEX = "CREATE INDEX CONCURRENTLY IF NOT EXISTS checkpoints_type_idx ON checkpoints(type);"
TABLE = "CREATE TABLE IF NOT EXISTS checkpoint_notes (note TEXT NOT NULL DEFAULT 'a, b');"
UPDATE = "UPDATE checkpoints SET type = 'json' WHERE type IS NULL;"


def drafted(folder: Path, *texts: str) -> dict[str, Path]:
    """Return the draft's files by their part; that of the layout is `layout`."""
    paths = draft.write(folder, "9.9.9", [read(10 + n, text) for n, text in enumerate(texts)])
    return {"layout": paths[3]} | {path.name.split(".")[1]: path for path in paths[:3]}


@pytest.mark.parametrize("text", [UPDATE, TABLE])
@pytest.mark.parametrize("part", ["up", "verify", "down"])
def test_what_cannot_be_derived_stops_the_draft_until_somebody_decides(
    database: Database, migrations: Path, text: str, part: str
) -> None:
    files = drafted(migrations, text)
    without_marks(files["layout"])

    result = psql(database, files[part])

    assert text in files["up"].read_text()
    assert "MG040: expected a decision about the new text of version 10" in result.stderr
    assert database.value("SELECT to_regclass('checkpoints')") is None


def test_a_change_of_rows_is_made_once(database: Database, migrations: Path) -> None:
    files = drafted(migrations, UPDATE, "SELECT 1;")
    for file in files.values():
        without_marks(file)
    Ancestor(NEWEST).load(database)

    first = psql(database, files["up"])
    changed = database.value("SELECT bool_and(type = 'json') FROM checkpoints")
    database.execute("UPDATE checkpoints SET type = NULL", "DROP INDEX checkpoints_thread_id_idx")
    second = psql(database, files["up"])

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert changed is True
    assert database.value("SELECT bool_and(type IS NULL) FROM checkpoints") is True
    assert recorded(database) == list(range(12))


@pytest.mark.parametrize(
    ("text", "template", "thing"),
    [
        ("ALTER TABLE t ADD c NUMERIC(10, 2) DEFAULT 0", "column", "t.c"),
        ("create unique index i on t (a, b)", "index", "i"),
        ("-- why\n CREATE TABLE t(\n a INT\n);", "other", "t"),
        ("ALTER TABLE t ADD COLUMN a INT, ADD COLUMN b INT", "other", ""),
        ("ALTER TABLE t ADD COLUMN a INT; UPDATE t SET a = 1;", "other", ""),
        ("ALTER TABLE t ADD CONSTRAINT k UNIQUE (a)", "other", ""),
        ("ALTER TABLE t ALTER COLUMN a DROP NOT NULL;", "other", ""),
        ('ALTER TABLE "T" ADD COLUMN a INT', "other", ""),
        ("SELECT 1;", "nothing", ""),
        ("", "nothing", ""),
    ],
)
def test_a_text_is_repeated_only_when_that_follows_from_it(
    text: str, template: str, thing: str
) -> None:
    found = read(10, text)

    assert (found.template, found.object) == (template, thing)
    assert read(10, text, changed=True).template == "other"


def test_an_index_is_built_beside_the_traffic_whatever_upstream_does() -> None:
    for text in ("CREATE INDEX i ON t (a)", "CREATE INDEX CONCURRENTLY i ON t (a);"):
        index = read(10, text)
        assert index.concurrent == "CREATE INDEX CONCURRENTLY i ON t (a);"
        assert index.statement == "CREATE INDEX i ON t (a);"


@pytest.mark.parametrize("texts", [[NEW_COLUMN], [INDEX, "", TABLE, UPDATE, NEW_COLUMN]])
def test_a_draft_keeps_the_rules_of_the_migration_files(migrations: Path, texts: list[str]) -> None:
    files = drafted(migrations, *texts)

    for part, path in files.items():
        test_files.test_files_are_plain_text_with_short_lines(path)
        if part == "layout":
            continue
        test_files.test_migration_files_follow_the_naming_rule(path)
        test_files.test_a_file_stops_at_errors_before_it_includes_another(path)
        found = subprocess.run(
            [SQUAWK, "--stdin-filepath", path.name],
            input=test_files.for_squawk(path),
            cwd=MIGRATIONS.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        assert found.returncode == 0, found.stdout
    test_files.test_a_down_file_warns_of_data_loss_in_its_first_line(files["down"])
    loaded = load_migrations(migrations)
    assert {path.name for path in files.values()} < loaded.keys()
    assert (newest(loaded), schema_version(loaded)) == ("002", 9 + len(texts))


def test_a_changed_text_makes_no_new_version(migrations: Path) -> None:
    before = {path.name for path in migrations.iterdir()}

    paths = draft.write(migrations, "9.9.9", [read(3, NEW_COLUMN, changed=True)])

    assert {path.name for path in migrations.iterdir()} - before == {path.name for path in paths}
    assert len(paths) == 3
    assert all("\\ir layout_9.sql\n" in path.read_text() for path in paths)
