"""A release is compared with this project, and what it brought is told in one sentence."""

import zipfile
from pathlib import Path

import pytest

from tests.migrations.conftest import MIGRATIONS
from tests.support.next_version import watch as watch_command
from tests.support.postgres import Server
from tests.upstream.conftest import NEW_COLUMN, MakeWheel
from upstream import wheels
from upstream.errors import UpstreamError
from upstream.watch import watch

PARTS = [f"002_add_checkpoints_created_at.{part}.sql" for part in ("down", "up", "verify")]
DRAFT = [*PARTS, "layout_10.sql"]


def written(migrations: Path) -> list[str]:
    return sorted({x.name for x in migrations.iterdir()} - {x.name for x in MIGRATIONS.iterdir()})


def problem(server: Server, wheel: Path, migrations: Path, lines: list[str]) -> str:
    with pytest.raises(UpstreamError) as error:
        watch(server, [wheel], migrations, lines.append)
    return str(error.value)


def test_the_release_that_this_project_is_pinned_to_is_equal(
    server: Server, make_wheel: MakeWheel, migrations: Path, texts: list[str]
) -> None:
    lines: list[str] = []

    watch(server, [make_wheel(texts)], migrations, lines.append)

    assert lines == ["9.9.9    10 texts, highest version 9: equal"]
    assert written(migrations) == []


def test_the_command_fails_with_one_sentence_and_a_draft_when_upstream_has_a_version_10(
    make_wheel: MakeWheel, migrations: Path, texts: list[str]
) -> None:
    result = watch_command(make_wheel([*texts, NEW_COLUMN]), migrations)

    assert result.returncode == 1
    assert result.stdout == "9.9.9    11 texts, highest version 10: 10 unknown to this project\n"
    assert result.stderr == (
        "upstream: expected langgraph-checkpoint-postgres 9.9.9 to end at version 9, found version "
        "10 too: finish the draft 002_add_checkpoints_created_at.up.sql, "
        "002_add_checkpoints_created_at.down.sql, 002_add_checkpoints_created_at.verify.sql, "
        f"layout_10.sql in {migrations}\n"
    )
    assert written(migrations) == DRAFT


def test_a_draft_is_never_written_over(
    server: Server, make_wheel: MakeWheel, migrations: Path, texts: list[str]
) -> None:
    wheel = make_wheel([*texts, NEW_COLUMN])
    (migrations / DRAFT[2]).write_text("somebody's work\n")

    sentence = problem(server, wheel, migrations, [])

    assert f"expected no draft yet, found {migrations / DRAFT[2]}" in sentence
    assert written(migrations) == [DRAFT[2]]
    assert (migrations / DRAFT[2]).read_text() == "somebody's work\n"


@pytest.mark.parametrize(
    ("version", "old", "new"),
    [
        pytest.param(3, "blob BYTEA NOT NULL,", "blob BYTEA NOT NULL, size INTEGER,", id="column"),
        pytest.param(6, "(thread_id)", "(thread_id, checkpoint_ns)", id="index"),
        pytest.param(5, "SELECT 1;", "CREATE INDEX more ON checkpoints (type);", id="one-more"),
    ],
)
def test_a_known_version_with_another_result_fails_and_asks_for_a_decision(
    server: Server,
    make_wheel: MakeWheel,
    migrations: Path,
    texts: list[str],
    version: int,
    old: str,
    new: str,
) -> None:
    assert old in texts[version]
    texts[version] = texts[version].replace(old, new)
    lines: list[str] = []

    sentence = problem(server, make_wheel(texts), migrations, lines)

    assert lines[0].startswith("9.9.9    10 texts, highest version 9: different\n    ")
    assert "9.9.9 to end in this project's schema, found the differences above" in sentence
    (up,) = migrations.glob("002_*.up.sql")
    assert texts[version].strip() in up.read_text()
    assert f"a decision about the changed text of version {version}" in up.read_text()


def test_a_known_version_with_another_text_and_the_same_result_is_equal(
    server: Server, make_wheel: MakeWheel, migrations: Path, texts: list[str]
) -> None:
    texts[9] = texts[9].replace("IF NOT EXISTS ", "")
    lines: list[str] = []

    watch(server, [make_wheel(texts)], migrations, lines.append)

    assert lines[0].endswith(": equal")
    assert written(migrations) == []


def test_an_up_file_that_makes_another_schema_is_told_to_be_corrected(
    server: Server, make_wheel: MakeWheel, migrations: Path, texts: list[str]
) -> None:
    second = migrations / "002_more.up.sql"
    second.write_text(
        "\\ir 001_create_checkpointer_tables.up.sql\n"
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_class WHERE relname = 'store') "
        "THEN ALTER TABLE checkpoints ADD COLUMN more text; END IF; END $$;\n"
    )
    texts[5] = "CREATE TABLE store ()"
    lines: list[str] = []

    problem(server, make_wheel(texts), migrations, lines)

    assert "    -    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,\n    -    more text" in lines[0]
    assert "    +CREATE TABLE public.store (" in lines[0]


def test_up_files_that_fail_on_an_empty_database_are_named(
    server: Server, make_wheel: MakeWheel, migrations: Path, texts: list[str]
) -> None:
    (migrations / "002_broken.up.sql").write_text("\\set ON_ERROR_STOP on\nSELECT 1 / 0;\n")

    sentence = problem(server, make_wheel(texts), migrations, [])

    assert sentence.endswith("to fit an empty database, found: 002_broken.up.sql: division by zero")


@pytest.mark.parametrize(
    "source", ["MIGRATIONS = [*older]\n", "MIGRATIONS: list[str] = []\n", "TEXTS = ['a']\n"]
)
def test_a_release_that_keeps_its_texts_elsewhere_is_not_taken_for_one_without(
    tmp_path: Path, source: str
) -> None:
    wheel = tmp_path / "langgraph_checkpoint_postgres-9.9.9-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(wheels.BASE, source)

    with pytest.raises(UpstreamError, match="expected a list MIGRATIONS of plain strings"):
        wheels.texts(wheel)


def test_a_file_that_is_no_wheel_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "langgraph_checkpoint_postgres-9.9.9-py3-none-any.whl"
    wheel.write_text("not a zip")

    with pytest.raises(UpstreamError, match="expected a wheel with langgraph/"):
        wheels.texts(wheel)
    with pytest.raises(UpstreamError, match=r"expected a version or a wheel .* found 'x.whl'"):
        wheels.version_of(Path("x.whl"))


def test_without_a_package_index_the_sentence_says_what_was_wanted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)

    with pytest.raises(
        UpstreamError, match=r"expected langgraph-checkpoint-postgres==0\.0\.1 on the"
    ):
        wheels.released("0.0.1")


def test_a_new_release_that_writes_other_rows_fails_and_asks_for_a_decision(
    server: Server, make_wheel: MakeWheel, migrations: Path, texts: list[str]
) -> None:
    # As releases before 2.0.23 did it: every value in a row of its own.
    wheel = make_wheel(
        texts, ("elif v is None or isinstance(v, (str, int, float, bool)):", "elif False:")
    )
    lines: list[str] = []

    sentence = problem(server, wheel, migrations, lines)

    assert lines[0].startswith("9.9.9    10 texts, highest version 9: equal, but not its rows\n")
    assert "    +plain\t\tnothing\t1.0.5\tnull\t\\\\x\n" in lines[0]
    assert sentence == (
        "expected langgraph-checkpoint-postgres 9.9.9 to write the rows that 3.2.0 writes, found "
        "the differences above: decide whether 3.2.0 may read them, say so in "
        "docs/application.md, and record 9.9.9 in upstream/releases.toml"
    )
    assert written(migrations) == []


def test_a_new_release_that_does_not_run_with_the_pinned_packages_says_what_to_renew(
    server: Server, make_wheel: MakeWheel, migrations: Path, texts: list[str]
) -> None:
    wheel = make_wheel(texts, ("import threading", "import threading_of_tomorrow"))

    sentence = problem(server, wheel, migrations, [])

    assert "beside the packages that this project is pinned to, found that it cannot" in sentence
    assert "ModuleNotFoundError: No module named 'threading_of_tomorrow'" in sentence
    assert sentence.endswith("renew them with make lock and run this again")
