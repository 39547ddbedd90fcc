"""What plan_migration.sh says the up file would do, compared with what it then does."""

import os
import re
import subprocess
from subprocess import CompletedProcess

import pytest

from tests.migrations.ancestors import (
    EMPTY,
    GAPS,
    INVALID_INDEXES,
    MISSING_INDEXES,
    RELEASED,
    Ancestor,
)
from tests.migrations.conftest import MIGRATIONS, run_file
from tests.migrations.test_up import held_lock
from tests.migrations.test_up_refusals import FOREIGN
from tests.support.documents import commands
from tests.support.postgres import PASSWORD, Database, Server

PLAN = str(MIGRATIONS / "plan_migration.sh")
STATES = {
    **EMPTY,
    **RELEASED,
    **GAPS,
    "without any index": MISSING_INDEXES["without any index"],
    "invalid": INVALID_INDEXES["checkpoint_writes_thread_id_idx invalid, not ready"],
}
HEADLINES = {
    "empty": "create: schema public of database {} has none of the tables",
    "python-1.0.1": "upgrade: schema public of database {} is at version 3 and incomplete",
    "python-3.2.0": "nothing to do: schema public of database {} is at version 9",
    "without version rows true": "upgrade: schema public of database {} is at no version and",
}


def plan(database: Database, *arguments: str, user: str = "postgres") -> CompletedProcess[str]:
    return database.run(PLAN, *arguments, user=user)


def without_database(*arguments: str) -> CompletedProcess[str]:
    environ = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    return subprocess.run(
        [PLAN, *arguments], env=environ, capture_output=True, text=True, check=False
    )


def named(text: str) -> set[str]:
    """Return the tables, columns and indexes that steps name."""
    return set(re.findall(r"(?m)^  \w+ (?:table|column|index) ([\w.]+)", text))


@pytest.mark.parametrize("name", STATES)
def test_it_says_what_the_up_file_then_does(database: Database, name: str) -> None:
    state: Ancestor = STATES[name]
    state.load(database)
    before = database.schema_dump()

    said = plan(database)

    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.startswith(HEADLINES.get(name, "").format(database.name))
    assert database.schema_dump() == before

    done = run_file(database, "up")
    missing = re.search("(?m)^==> already applied: no, missing or broken: (.*)$", done.stdout)
    found = set(missing[1].split(", ")) - {"version rows or rights"} if missing else set()
    assert said.stdout.startswith("nothing to do: ") is (missing is None)
    assert named(said.stdout) == found
    assert ("concurrently" in said.stdout) == bool(re.search("CONCURRENTLY|==> space", done.stdout))
    assert plan(database).stdout.startswith("nothing to do: ")


@pytest.mark.parametrize("layout", FOREIGN)
def test_it_refuses_what_the_up_file_refuses_and_in_its_words(
    database: Database, layout: str
) -> None:
    database.execute(FOREIGN[layout][0])

    said = plan(database)

    assert said.returncode == 10
    sentence = said.stdout.removeprefix("refused: ").strip()
    assert f"MG010: {sentence}" in run_file(database, "up").stderr


def test_it_refuses_a_newer_version(langgraph_database: Database) -> None:
    langgraph_database.execute("INSERT INTO checkpoint_migrations VALUES (10)")

    said = plan(langgraph_database)

    assert said.returncode == 10
    assert "refused: expected versions 0 to 9" in said.stdout
    assert (
        said.stdout.strip().removeprefix("refused: ") in run_file(langgraph_database, "up").stderr
    )


def test_it_refuses_another_encoding(server: Server) -> None:
    latin = server.create_database("template0", "ENCODING LATIN1 LOCALE 'C'")

    said = plan(latin)

    assert said.returncode == 10
    assert said.stdout.strip().removeprefix("refused: ") in run_file(latin, "up").stderr
    latin.drop()


def test_missing_rights_of_the_application_are_said(
    langgraph_database: Database, server: Server
) -> None:
    role = server.create_role()

    said = plan(langgraph_database, "--app-role", role).stdout
    run_file(langgraph_database, "up", app_role=role)

    assert "upgrade: " in said
    assert said.splitlines()[1:2] == ["  bring the rights up to date"]
    assert plan(langgraph_database, "--app-role", role).stdout.startswith("nothing to do: ")


def test_rights_of_everybody_on_an_owned_database_are_said(langgraph_database: Database) -> None:
    assert "bring the rights" not in plan(langgraph_database).stdout
    assert "bring the rights" in plan(langgraph_database, "--owns-database").stdout


def test_another_schema_is_looked_at(langgraph_database: Database) -> None:
    langgraph_database.execute('CREATE SCHEMA "Other One"')

    said = plan(langgraph_database, "--schema", "Other One").stdout

    assert said.startswith('create: schema "Other One" of database')


def test_a_role_that_reads_the_version_rows_and_no_more_will_do(
    langgraph_database: Database, server: Server
) -> None:
    reader = server.create_role()

    refused = plan(langgraph_database, user=reader)
    langgraph_database.execute(f"GRANT SELECT ON checkpoint_migrations TO {reader}")
    said = plan(langgraph_database, user=reader)

    assert refused.returncode == 0
    assert "cannot be read (permission denied for table checkpoint_migrations)" in refused.stdout
    assert said.stdout.startswith("nothing to do: ")


def test_a_migration_at_work_neither_hinders_it_nor_is_hindered(database: Database) -> None:
    with held_lock(database):
        said = plan(database)

    assert said.stdout.startswith("create: ")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "no database was named"),
        (["host=127.0.0.1 port=9 dbname=x"], "the database cannot be read (connection to server"),
    ],
    ids=["none is named", "none answers"],
)
def test_without_a_database_it_says_what_it_would_do_from_nothing(
    database: Database, arguments: list[str], reason: str
) -> None:
    said = without_database(*arguments)

    assert said.returncode == 0
    assert said.stdout.startswith(f"unknown: {reason}")
    steps = [line for line in plan(database).stdout.splitlines() if line.startswith("  ")]
    assert said.stdout.splitlines()[-len(steps) :] == steps


def test_a_schema_that_is_not_there_yet_is_taken_for_nothing(database: Database) -> None:
    said = plan(database, "--schema", "later")

    assert said.returncode == 0
    assert f"cannot be read (database {database.name} has no schema later yet)" in said.stdout
    assert "  create table checkpoints\n" in said.stdout


def test_the_documented_output_and_role_are_what_it_says(
    database: Database, server: Server
) -> None:
    document = (MIGRATIONS.parent / "docs" / "ci.md").read_text()
    samples = re.findall(r"```\n((?:nothing to do|upgrade): .*?)```", document, re.DOTALL)
    role = commands("docs/ci.md", "reader").replace("…", PASSWORD)
    create, *grants = role.replace("langgraph_reader", "reader").strip().split(";\n")
    server.execute(create)

    for name, sample in zip(("python-3.2.0", "python-1.0.1"), samples, strict=True):
        RELEASED[name].load(database)
        database.execute(*grants)
        done = database.run("sh", "-e", "-c", commands("docs/ci.md", "words"), user="reader")
        said = done.stdout.replace(database.name, "langgraph")
        assert re.sub(r"PostgreSQL [\d.]+", "", said) == re.sub(r"PostgreSQL [\d.]+", "", sample)


@pytest.mark.parametrize("arguments", [["--no-such"], ["--schema"], ["a=b", "c=d"]])
def test_wrong_arguments_are_named(arguments: list[str]) -> None:
    said = without_database(*arguments)

    assert said.returncode == 2
    assert "plan_migration.sh: expected " in said.stderr
