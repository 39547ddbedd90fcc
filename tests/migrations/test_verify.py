"""The verifier names the check that fails, for every object of the schema."""

import json
from typing import Any

import pytest
from psycopg import sql

from tests.migrations.conftest import run_file
from tests.migrations.test_up import ROWS, make_invalid_index
from tests.support.postgres import Database, Server
from tests.support.version_9 import INDEXED, TABLES

CHECKS = [
    "version",
    "tables",
    "columns",
    "indexes",
    "primary_keys",
    "nullability",
    "round_trip",
    "rights",
]


def report(database: Database, **variables: str) -> dict[str, Any]:
    result = run_file(database, "verify", format="json", **variables)
    (line,) = result.stdout.splitlines()
    assert len(line.encode()) <= 4000
    parsed = json.loads(line)
    assert list(parsed["checks"]) == CHECKS
    assert result.returncode == (0 if parsed["ok"] else 3), result.stderr
    assert parsed["ok"] == all(parsed["checks"].values()) == (parsed["problems"] == [])
    return parsed


def assert_fails(database: Database, check: str, *words: str) -> None:
    found = report(database)
    assert not found["checks"][check]
    assert any(
        line.startswith(f"{check}: ") and all(word in line for word in words)
        for line in found["problems"]
    ), found["problems"]


def test_a_schema_made_by_langgraph_passes_every_check(langgraph_database: Database) -> None:
    found = report(langgraph_database)

    assert found == {
        "ok": True,
        "version": 9,
        "schema": "public",
        "database": langgraph_database.name,
        "server": langgraph_database.value("SHOW server_version").split()[0],
        "role": "postgres",
        "checks": dict.fromkeys(CHECKS, True),
        "warnings": [],
        "problems": [],
        "tables": {
            table: {"rows": 10 if table == "checkpoint_migrations" else 0, "bytes": 24576}
            for table in TABLES
        },
    }


def test_an_index_whose_build_was_interrupted_is_found(langgraph_database: Database) -> None:
    langgraph_database.execute("DROP INDEX checkpoints_thread_id_idx")
    make_invalid_index(langgraph_database)

    assert_fails(langgraph_database, "indexes", "checkpoints_thread_id_idx", "invalid")


def test_the_highest_version_is_reported(langgraph_database: Database) -> None:
    langgraph_database.execute("INSERT INTO checkpoint_migrations VALUES (10)")

    assert_fails(langgraph_database, "version", "8 9 10")
    assert report(langgraph_database)["version"] == 10


@pytest.mark.parametrize("table", INDEXED)
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("RETURN NULL", "found something else"),
        ("RAISE EXCEPTION 'no writes today'", "no writes today"),
    ],
)
def test_a_table_that_does_not_keep_what_is_written_is_found(
    langgraph_database: Database, table: str, body: str, expected: str
) -> None:
    langgraph_database.execute(
        f"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body}; END $$",
        f"CREATE TRIGGER t BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION f()",
    )

    assert_fails(langgraph_database, "round_trip", expected)


def test_the_round_trip_leaves_no_row_behind(langgraph_database: Database) -> None:
    langgraph_database.execute(*ROWS)

    first, second = report(langgraph_database), report(langgraph_database)

    rows = {table: facts["rows"] for table, facts in second["tables"].items()}
    assert rows == {"checkpoint_migrations": 10} | dict.fromkeys(INDEXED, 1)
    assert first["ok"]
    for table in INDEXED:
        assert langgraph_database.value(f"SELECT count(*) FROM {table} WHERE thread_id <> 't'") == 0


def test_an_empty_database_fails_every_check(database: Database) -> None:
    found = report(database)

    assert found["checks"] == dict.fromkeys(CHECKS, False)
    assert found["version"] is None
    assert found["tables"]["checkpoints"] == {"rows": None, "bytes": None}


def test_a_missing_schema_fails_and_is_named(database: Database) -> None:
    found = report(database, schema='No "such"')

    assert 'tables: "No ""such""": expected a schema, found none' in found["problems"]
    assert found["schema"] == 'No "such"'


def test_many_problems_fit_into_a_termination_message(langgraph_database: Database) -> None:
    columns = [sql.Identifier(f"{number}\\😀\"'").as_string() for number in range(200)]
    added = ", ".join(f"ADD {column} integer" for column in columns)
    langgraph_database.execute(f"ALTER TABLE checkpoints {added}")

    found = report(langgraph_database)

    assert found["problems"][-1].startswith("… and ")
    assert found["problems"][-1].endswith(" more")


def test_rows_of_a_large_table_are_estimated(langgraph_database: Database) -> None:
    langgraph_database.execute(
        "INSERT INTO checkpoints SELECT n, '', 'c', NULL, NULL, '{}', '{}'"
        " FROM generate_series(1, 100001) n",
        "ANALYZE checkpoints",
    )

    facts = report(langgraph_database)["tables"]["checkpoints"]

    assert facts["estimated"] is True
    assert facts["rows"] == pytest.approx(100001, rel=0.1)


def test_the_application_role_is_told_what_it_may_not_see(
    langgraph_database: Database, server: Server
) -> None:
    role = server.create_role()
    langgraph_database.execute(
        *(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {role}" for table in INDEXED)
    )

    result = run_file(langgraph_database, "verify", format="json", user=role)
    found = json.loads(result.stdout)

    assert found["checks"] == dict.fromkeys(CHECKS, True) | {"version": False}
    assert "permission denied" in found["problems"][0]


def test_what_the_migration_grants_passes_and_is_named(database: Database, server: Server) -> None:
    owner, app = server.create_role("NOLOGIN"), server.create_role()
    database.execute(f"GRANT CREATE ON SCHEMA public TO {owner}")
    run_file(database, "up", owner=owner, app_role=app)

    assert report(database, owner=owner, app_role=app)["problems"] == []
    text = run_file(database, "verify", owner=owner, app_role=app).stdout
    assert f"PASS  rights        none for PUBLIC, rows only for {app}\n" in text


def test_a_missing_table_fails_every_check_that_would_look_at_it(
    langgraph_database: Database,
) -> None:
    langgraph_database.execute("DROP TABLE checkpoint_writes")

    assert report(langgraph_database)["checks"] == dict.fromkeys(CHECKS, False) | {"version": True}


def test_a_trigger_does_not_hide_what_the_other_checks_found(
    langgraph_database: Database,
) -> None:
    langgraph_database.execute("ALTER TABLE checkpoint_writes ENABLE ROW LEVEL SECURITY")

    assert report(langgraph_database)["checks"] == dict.fromkeys(CHECKS, True) | {"tables": False}


def test_text_and_json_say_the_same(langgraph_database: Database) -> None:
    langgraph_database.execute("ALTER TABLE checkpoint_writes DROP COLUMN task_path")

    text = run_file(langgraph_database, "verify").stdout
    found = report(langgraph_database)

    for name, passed in found["checks"].items():
        assert f"{'PASS' if passed else 'FAIL'}  {name}" in text
    for problem in found["problems"]:
        assert problem.split(": ", 1)[1] in text


def test_passing_trouble_is_not_reported_as_a_failed_check(langgraph_database: Database) -> None:
    with langgraph_database.connect() as holder:
        holder.execute("BEGIN")
        holder.execute("LOCK TABLE checkpoint_blobs IN EXCLUSIVE MODE")
        result = run_file(langgraph_database, "verify", format="json")

    assert result.stdout == ""
    assert "55P03" in result.stderr
