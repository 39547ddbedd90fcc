"""The verifier names the check that fails, for every object of the schema."""

import json
from typing import Any

import pytest
from psycopg import sql

from tests.migrations.conftest import run_file
from tests.migrations.test_up import ROWS, make_invalid_index
from tests.support.postgres import Database, Server

CHECKS = ["version", "tables", "columns", "indexes", "primary_keys", "nullability", "round_trip"]
COLUMNS = {
    "checkpoint_migrations": {"v": "integer!"},
    "checkpoints": {
        "thread_id": "text!", "checkpoint_ns": "text!", "checkpoint_id": "text!",
        "parent_checkpoint_id": "text", "type": "text", "checkpoint": "jsonb!",
        "metadata": "jsonb!",
    },
    "checkpoint_blobs": {
        "thread_id": "text!", "checkpoint_ns": "text!", "channel": "text!", "version": "text!",
        "type": "text!", "blob": "bytea",
    },
    "checkpoint_writes": {
        "thread_id": "text!", "checkpoint_ns": "text!", "checkpoint_id": "text!",
        "task_id": "text!", "idx": "integer!", "channel": "text!", "type": "text",
        "blob": "bytea!", "task_path": "text!",
    },
}  # fmt: skip
KEYS = {
    "checkpoint_migrations": ["v"],
    "checkpoints": ["thread_id", "checkpoint_ns", "checkpoint_id"],
    "checkpoint_blobs": ["thread_id", "checkpoint_ns", "channel", "version"],
    "checkpoint_writes": ["thread_id", "checkpoint_ns", "checkpoint_id", "task_id", "idx"],
}
OTHER_TYPE = {
    "text": "character varying",
    "jsonb": "json USING NULL",
    "integer": "bigint",
    "bytea": "text USING NULL",
}
EVERY_COLUMN = [(table, column) for table in COLUMNS for column in COLUMNS[table]]
INDEXED = ["checkpoints", "checkpoint_blobs", "checkpoint_writes"]


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
        "problems": [],
        "tables": {
            table: {"rows": 10 if table == "checkpoint_migrations" else 0, "bytes": 24576}
            for table in COLUMNS
        },
    }


@pytest.mark.parametrize(("table", "column"), EVERY_COLUMN)
def test_a_missing_column_is_found(langgraph_database: Database, table: str, column: str) -> None:
    langgraph_database.execute(f"ALTER TABLE {table} DROP COLUMN {column} CASCADE")

    assert_fails(langgraph_database, "columns", f"{table}.{column}: expected ", "no such column")


@pytest.mark.parametrize(("table", "column"), EVERY_COLUMN)
def test_another_type_is_found(langgraph_database: Database, table: str, column: str) -> None:
    other = OTHER_TYPE[COLUMNS[table][column].rstrip("!")]
    langgraph_database.execute(
        f"ALTER TABLE {table} ALTER {column} DROP DEFAULT, ALTER {column} TYPE {other}"
    )

    assert_fails(langgraph_database, "columns", f"{table}.{column}", other.split(" USING")[0])


@pytest.mark.parametrize(("table", "column"), EVERY_COLUMN)
def test_another_default_is_found(langgraph_database: Database, table: str, column: str) -> None:
    drop = column in ("checkpoint_ns", "metadata", "task_path")
    change = "DROP DEFAULT" if drop else "SET DEFAULT '1'"
    langgraph_database.execute(f"ALTER TABLE {table} ALTER {column} {change}")

    assert_fails(langgraph_database, "columns", f"{table}.{column}: expected ")


@pytest.mark.parametrize(("table", "column"), [(t, c) for t, c in EVERY_COLUMN if c not in KEYS[t]])
def test_another_nullability_is_found(
    langgraph_database: Database, table: str, column: str
) -> None:
    change = "DROP NOT NULL" if COLUMNS[table][column].endswith("!") else "SET NOT NULL"
    langgraph_database.execute(f"ALTER TABLE {table} ALTER {column} {change}")

    assert_fails(langgraph_database, "nullability", f"{table}.{column}: expected ")


@pytest.mark.parametrize("table", COLUMNS)
@pytest.mark.parametrize(
    ("change", "check"),
    [
        ("ADD extra integer", "columns"),
        ("ADD CHECK (true)", "nullability"),
        ("SET UNLOGGED", "tables"),
        ("RENAME TO renamed", "tables"),
    ],
)
def test_other_changes_of_a_table_are_found(
    langgraph_database: Database, table: str, change: str, check: str
) -> None:
    langgraph_database.execute(f"ALTER TABLE {table} {change}")

    assert_fails(langgraph_database, check, table)


@pytest.mark.parametrize("table", COLUMNS)
def test_a_missing_table_is_found(langgraph_database: Database, table: str) -> None:
    langgraph_database.execute(f"DROP TABLE {table}")

    assert_fails(langgraph_database, "tables", f"{table}: expected an ordinary table, found none")


@pytest.mark.parametrize("table", COLUMNS)
@pytest.mark.parametrize("key", ["none", "shorter", "deferrable"])
def test_another_primary_key_is_found(langgraph_database: Database, table: str, key: str) -> None:
    columns = ", ".join(KEYS[table])
    shorter = columns.rpartition(", ")[0] or "v) INCLUDE (v"
    replacement = {
        "none": "",
        "shorter": f", ADD PRIMARY KEY ({shorter})",
        "deferrable": f", ADD PRIMARY KEY ({columns}) DEFERRABLE",
    }[key]
    not_null = "".join(f", ALTER {column} SET NOT NULL" for column in KEYS[table])
    langgraph_database.execute(
        f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey{replacement}{not_null}"
    )

    assert_fails(langgraph_database, "primary_keys", f"{table}: expected PRIMARY KEY ({columns})")


@pytest.mark.parametrize("table", INDEXED)
@pytest.mark.parametrize(
    "definition",
    [
        "",
        "{table} (checkpoint_ns)",
        "{table} (thread_id DESC)",
        "{table} (thread_id, checkpoint_ns)",
        "{table} (thread_id text_pattern_ops)",
        '{table} (thread_id COLLATE "C")',
        "{table} (thread_id) WHERE checkpoint_ns = ''",
        "{table} (lower(thread_id))",
        "{table} USING hash (thread_id)",
        "{table} (thread_id) INCLUDE (checkpoint_ns)",
        "elsewhere (thread_id)",
    ],
)
def test_another_index_is_found(langgraph_database: Database, table: str, definition: str) -> None:
    langgraph_database.execute(
        "CREATE TABLE elsewhere (thread_id text)", f"DROP INDEX {table}_thread_id_idx"
    )
    if definition:
        statement = definition.format(table=table)
        langgraph_database.execute(f"CREATE INDEX {table}_thread_id_idx ON {statement}")

    assert_fails(langgraph_database, "indexes", f"{table}_thread_id_idx: expected ")


def test_an_invalid_index_is_found(langgraph_database: Database) -> None:
    langgraph_database.execute("DROP INDEX checkpoints_thread_id_idx")
    make_invalid_index(langgraph_database)

    assert_fails(langgraph_database, "indexes", "checkpoints_thread_id_idx", "invalid")


def test_a_unique_index_is_found(langgraph_database: Database) -> None:
    langgraph_database.execute("CREATE UNIQUE INDEX one_a_thread ON checkpoints (thread_id)")

    assert_fails(langgraph_database, "indexes", "one_a_thread", "unique")


@pytest.mark.parametrize("version", range(10))
def test_a_missing_version_is_found(langgraph_database: Database, version: int) -> None:
    langgraph_database.execute(f"DELETE FROM checkpoint_migrations WHERE v = {version}")

    assert_fails(langgraph_database, "version", "expected versions 0 to 9, found ")


def test_a_newer_version_is_found(langgraph_database: Database) -> None:
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


LEGAL = [
    "CREATE INDEX extra ON checkpoints USING gin (metadata)",
    "COMMENT ON TABLE checkpoints IS 'ours'",
    "COMMENT ON COLUMN checkpoints.thread_id IS 'ours'",
    "ALTER TABLE checkpoint_writes SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01)",
    "ALTER INDEX checkpoints_thread_id_idx SET (fillfactor = 70)",
    "ALTER INDEX checkpoints_pkey RENAME TO another_name",
    "ALTER TABLE checkpoints ALTER checkpoint SET STORAGE EXTERNAL",
    "ALTER TABLE checkpoints ALTER thread_id SET STATISTICS 1000",
    "ALTER TABLE checkpoints REPLICA IDENTITY FULL",
    "CREATE STATISTICS s ON thread_id, checkpoint_ns FROM checkpoints",
    "CREATE VIEW v AS SELECT * FROM checkpoints",
    "CREATE TABLE store (prefix text)",
    "GRANT SELECT ON checkpoints TO PUBLIC",
    "CREATE PUBLICATION p FOR ALL TABLES",
    ROWS[0],
]


@pytest.mark.parametrize("statement", LEGAL)
def test_legal_variations_pass(langgraph_database: Database, statement: str) -> None:
    langgraph_database.execute(statement)

    assert report(langgraph_database)["problems"] == []


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
    for number in range(200):
        column = sql.Identifier(f"{number}\\😀\"'").as_string()
        langgraph_database.execute(f"ALTER TABLE checkpoints ADD {column} integer")

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
