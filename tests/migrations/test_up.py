"""The up file ends in LangGraph's own schema, wherever it starts."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg import sql

from benchmarks.delay import delayed
from tests.migrations.conftest import Psql, psql_command, run_file, start_file
from tests.support.postgres import Database, Server

TEXTS = PostgresSaver.MIGRATIONS
BUILDS = "pg_stat_progress_create_index WHERE datname = current_database()"
ROWS = [
    "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('t', 'c', '{}')",
    "INSERT INTO checkpoint_blobs (thread_id, channel, version, type, blob)"
    " VALUES ('t', 'a', '1', 'bytes', 'x')",
    "INSERT INTO checkpoint_writes (thread_id, checkpoint_id, task_id, idx, channel, blob)"
    " VALUES ('t', 'c', 'task', 0, 'a', 'x')",
]
BLOB_NOT_NULL = "ALTER TABLE checkpoint_blobs ALTER COLUMN blob SET NOT NULL"
HISTORY = {
    "empty": ([], -1),
    "1.0.1 at version 3, blob not null": ([*TEXTS[:4], BLOB_NOT_NULL], 3),
    "LangGraph.js at version 4": (TEXTS[:5], 4),
    "2.0.10 at version 7": ([*TEXTS[:5], *TEXTS[6:9]], 7),
    "2.0.9 at version 8 without task_path": (TEXTS[:9], 8),
    "2.0.12 at version 8 with task_path": ([*TEXTS[:5], *TEXTS[6:]], 8),
    "complete at version 9": (TEXTS, 9),
}


def make_history(database: Database, name: str, *, rows: bool) -> None:
    texts, highest = HISTORY[name]
    versions = [f"INSERT INTO checkpoint_migrations VALUES ({v})" for v in range(highest + 1)]
    database.execute(*texts, *versions, *(ROWS if rows and texts else []))


def make_invalid_index(database: Database) -> None:
    with database.connect() as writer, database.connect() as builder:
        writer.execute("BEGIN")
        writer.execute("INSERT INTO checkpoints SELECT 'u', '', 'c', NULL, NULL, '{}', '{}'")
        builder.execute("SET lock_timeout = '20ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            builder.execute(
                "CREATE INDEX CONCURRENTLY checkpoints_thread_id_idx ON checkpoints (thread_id)"
            )
        writer.execute("ROLLBACK")


@contextmanager
def held_lock(database: Database, schema: str = "public") -> Iterator[psycopg.Connection]:
    with database.connect() as holder:
        holder.execute("SET application_name = 'somebody else'")
        holder.execute("SELECT pg_advisory_lock(1279739699, hashtext(%s))", [schema])
        yield holder


def test_setup_beforehand_leaves_nothing_to_do(langgraph_database: Database) -> None:
    result = run_file(langgraph_database, "up")

    assert "already at version 9, nothing to do" in result.stdout


def test_second_run_needs_neither_lock_nor_create_right(database: Database, server: Server) -> None:
    role = server.create_role()
    database.execute(f"GRANT CREATE ON SCHEMA public TO {role}")
    run_file(database, "up", user=role)
    database.execute(f"REVOKE CREATE ON SCHEMA public FROM {role}")

    with held_lock(database):
        result = run_file(database, "up", user=role)

    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("rows", [False, True], ids=["without rows", "with rows"])
def test_an_invalid_index_is_rebuilt(
    database: Database, up: Psql, langgraph_dump: str, rows: bool
) -> None:
    make_history(database, "LangGraph.js at version 4", rows=rows)
    make_invalid_index(database)
    if not rows:
        database.execute("TRUNCATE checkpoints")

    result = up()

    assert result.returncode == 0, result.stderr
    assert database.schema_dump() == langgraph_dump
    assert database.value("SELECT bool_and(indisvalid AND indisready) FROM pg_index")


def test_writers_go_on_while_the_indexes_of_tables_with_rows_are_built(
    database: Database, langgraph_dump: str
) -> None:
    make_history(database, "LangGraph.js at version 4", rows=True)
    building = f"SELECT command FROM {BUILDS}"

    with database.connect() as older, database.connect() as writer:
        older.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        older.execute("SELECT FROM pg_class")
        up = start_file(database, "up")
        while database.value(building) != "CREATE INDEX CONCURRENTLY":
            assert up.poll() is None
        writer.execute("SET lock_timeout = '1ms'")
        writer.execute("INSERT INTO checkpoints SELECT 'u', '', 'c', NULL, NULL, '{}', '{}'")
        older.execute("ROLLBACK")
    _, errors = up.communicate()

    assert up.returncode == 0, errors
    assert database.schema_dump() == langgraph_dump


def test_a_reader_in_the_way_of_an_alter_is_reported_as_a_lock_timeout(
    database: Database, up: Psql, langgraph_dump: str
) -> None:
    make_history(database, "2.0.9 at version 8 without task_path", rows=True)
    before = database.schema_dump()

    with database.connect() as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM checkpoint_writes")
        blocked = up()

    assert "55P03" in blocked.stderr
    assert database.schema_dump() == before
    assert up().returncode == 0
    assert database.schema_dump() == langgraph_dump


@pytest.mark.parametrize("schema", ["La ng", 'quo"te', "O'Neill", "über", "a, b", "%I"])
def test_any_schema_name_works(database: Database, up: Psql, down: Psql, schema: str) -> None:
    name = sql.Identifier(schema).as_string()
    database.execute(f"CREATE SCHEMA {name}")

    first, second = up(schema=schema), up(schema=schema)

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "nothing to do" in second.stdout
    assert database.value(f"SELECT count(*) FROM {name}.checkpoint_migrations") == 10
    assert database.value("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    assert run_file(database, "verify", schema=schema).returncode == 0
    assert down(schema=schema).returncode == 0
    assert database.value("SELECT count(*) FROM pg_tables WHERE tablename ~ '^checkpoint'") == 0


def test_schemas_are_migrated_independently(database: Database, up: Psql) -> None:
    database.execute("CREATE SCHEMA other")

    with held_lock(database, schema="public"):
        result = up(schema="other")

    assert result.returncode == 0, result.stderr


HOSTILE_SETTINGS = {
    "search_path": "hostile, public, pg_catalog",
    "statement_timeout": "1s",
    "lock_timeout": "1ms",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "standard_conforming_strings": "off",
    "escape_string_warning": "off",
    "client_encoding": "LATIN1",
    "quote_all_identifiers": "on",
    "row_security": "on",
    "bytea_output": "escape",
    "datestyle": "German",
    "client_min_messages": "debug1",
    "idle_in_transaction_session_timeout": "1s",
    "transform_null_equals": "on",
    "check_function_bodies": "off",
    "array_nulls": "off",
}


def test_settings_of_the_role_do_not_change_the_result(
    database: Database, server: Server, langgraph_dump: str
) -> None:
    role = server.create_role("LOGIN SUPERUSER")
    for name, value in HOSTILE_SETTINGS.items():
        list_or_text = value if name == "search_path" else f"'{value}'"
        server.execute(f"ALTER ROLE {role} SET {name} = {list_or_text}")

    up = run_file(database, "up", user=role)
    verify = run_file(database, "verify", user=role)
    dump = database.schema_dump()
    down = run_file(database, "down", user=role)

    assert (up.returncode, verify.returncode, down.returncode) == (0, 0, 0), up.stderr
    assert dump == langgraph_dump.replace("OWNER TO postgres", f"OWNER TO {role}").replace(
        "Owner: postgres", f"Owner: {role}"
    )


def test_functions_and_types_planted_in_the_schema_are_never_used(
    database: Database, up: Psql, down: Psql
) -> None:
    trap = "LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped''; END'"
    database.execute(
        f"CREATE FUNCTION public.format(text, name, name) RETURNS text {trap}",
        f"CREATE FUNCTION public.format(text, text) RETURNS text {trap}",
        f"CREATE FUNCTION public.quote_ident(name) RETURNS text {trap}",
        f"CREATE FUNCTION public.starts_with(text, name) RETURNS boolean {trap}",
        f"CREATE FUNCTION public.eq(name, text) RETURNS boolean {trap}",
        "CREATE OPERATOR public.= (LEFTARG = name, RIGHTARG = text, FUNCTION = public.eq)",
        "CREATE DOMAIN public.text AS varchar(3)",
    )

    for result in (up(), up(), run_file(database, "verify"), down()):
        assert result.returncode == 0, result.stderr


def test_a_run_waits_for_the_server_as_seldom_as_it_decides() -> None:
    with Server() as server, delayed(server.port, 0) as proxy:
        database = server.create_database()
        waits: list[int] = []
        for _ in range(2):
            run = database.run(*psql_command("up", {}), "-d", f"port={proxy.port}")
            assert run.returncode == 0, run.stderr
            waits.append(proxy.take_trips().for_queries)

    # What connects and reads the layout, what looks, what applies (docs/decisions/0007, 0028).
    assert waits == [3, 2]
