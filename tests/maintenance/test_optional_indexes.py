"""The optional SQL files: what they change, who accepts it, and how it is undone."""

import json
import subprocess
from collections.abc import Iterator

import pytest

from tests.conftest import run_setup
from tests.maintenance.optional import METADATA_INDEX, THREAD_INDEXES, apply, run_optional
from tests.migrations.conftest import MIGRATIONS, run_file
from tests.support.documents import commands
from tests.support.postgres import SUPERUSER, Database, Server
from tests.support.version_9 import INDEXED

FILES = (
    "create_metadata_index",
    "drop_metadata_index",
    "drop_thread_id_indexes",
    "create_thread_id_indexes",
)


@pytest.fixture
def langgraph_database(server: Server, langgraph_template: Database) -> Iterator[Database]:
    copy = server.create_database(langgraph_template.name)
    yield copy
    copy.drop()


def indexes(database: Database) -> set[str]:
    found = database.value(
        "SELECT array_agg(relname::text) FROM pg_index JOIN pg_class ON oid = indexrelid"
        " WHERE indisvalid AND relnamespace = 'public'::regnamespace"
    )
    return set(found)


def assert_accepted(database: Database) -> None:
    """The migration has nothing to do and the verifier no problem."""
    up = run_file(database, "up")
    assert "already at version 9, nothing to do" in up.stdout, up.stdout + up.stderr
    assert json.loads(run_file(database, "verify", format="json").stdout)["problems"] == []


def test_the_metadata_index_comes_and_goes_and_is_accepted(
    langgraph_database: Database, langgraph_dump: str
) -> None:
    apply(langgraph_database, "create_metadata_index", "create_metadata_index")

    assert METADATA_INDEX in indexes(langgraph_database)
    assert_accepted(langgraph_database)
    apply(langgraph_database, "drop_metadata_index", "drop_metadata_index")
    assert langgraph_database.schema_dump() == langgraph_dump


def test_a_metadata_index_whose_build_was_interrupted_is_built_again(
    langgraph_database: Database,
) -> None:
    apply(langgraph_database, "create_metadata_index")
    langgraph_database.execute(
        f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{METADATA_INDEX}'::regclass"
    )

    apply(langgraph_database, "create_metadata_index")

    assert METADATA_INDEX in indexes(langgraph_database)


@pytest.mark.parametrize(
    "other",
    [f"CREATE TABLE {METADATA_INDEX} ()", f"CREATE INDEX {METADATA_INDEX} ON checkpoints (type)"],
)
def test_another_relation_of_the_metadata_indexs_name_is_refused_and_stays(
    langgraph_database: Database, other: str
) -> None:
    langgraph_database.execute(other)
    before = langgraph_database.schema_dump()

    done = run_optional(langgraph_database, "create_metadata_index")

    assert done.returncode == 3
    assert f'"{METADATA_INDEX}" already exists' in done.stderr
    assert langgraph_database.schema_dump() == before


def test_tables_without_the_three_indexes_are_accepted_by_all_and_by_setup(
    langgraph_database: Database,
) -> None:
    apply(langgraph_database, "drop_thread_id_indexes", "drop_thread_id_indexes")

    assert indexes(langgraph_database).isdisjoint(THREAD_INDEXES)
    assert_accepted(langgraph_database)
    run_setup(langgraph_database)
    assert indexes(langgraph_database).isdisjoint(THREAD_INDEXES)
    text = run_file(langgraph_database, "verify").stdout
    assert "PASS  indexes       0 on thread_id, all valid\n" in text


def test_the_pages_commands_make_both_changes(langgraph_database: Database) -> None:
    shell = f"OWNER={SUPERUSER}; {commands('docs/queries.md', 'options')}"

    done = langgraph_database.run("sh", "-e", "-u", "-c", shell)

    assert done.returncode == 0, done.stderr
    assert indexes(langgraph_database) & {METADATA_INDEX, *THREAD_INDEXES} == {METADATA_INDEX}


def test_the_plan_of_tables_without_the_three_indexes_has_nothing_to_do(
    langgraph_database: Database,
) -> None:
    apply(langgraph_database, "drop_thread_id_indexes")

    plan = langgraph_database.run(str(MIGRATIONS / "plan_migration.sh"))

    assert plan.stdout.startswith("nothing to do"), plan.stdout + plan.stderr


def test_a_migration_for_another_reason_leaves_the_three_indexes_away(
    langgraph_database: Database,
) -> None:
    apply(langgraph_database, "drop_thread_id_indexes")
    langgraph_database.execute("DELETE FROM checkpoint_migrations WHERE v = 9")

    up = run_file(langgraph_database, "up")

    assert "4 tables, 4 indexes" in up.stdout
    assert_accepted(langgraph_database)
    assert indexes(langgraph_database).isdisjoint(THREAD_INDEXES)


def test_the_three_indexes_come_back_as_they_were(
    langgraph_database: Database, langgraph_dump: str
) -> None:
    apply(langgraph_database, "drop_thread_id_indexes", "create_thread_id_indexes")

    assert langgraph_database.schema_dump() == langgraph_dump
    assert_accepted(langgraph_database)


@pytest.mark.parametrize(
    "other",
    [
        "CREATE TABLE checkpoints_thread_id_idx ()",
        "CREATE INDEX checkpoints_thread_id_idx ON checkpoints (checkpoint_ns)",
        "CREATE INDEX checkpoints_thread_id_idx ON checkpoints (thread_id, checkpoint_ns)",
        "CREATE INDEX checkpoints_thread_id_idx ON checkpoints (thread_id) WHERE type IS NULL",
        "CREATE INDEX checkpoints_thread_id_idx ON checkpoint_blobs (thread_id)",
    ],
)
def test_another_relation_of_a_thread_indexs_name_is_refused_and_stays(
    langgraph_database: Database, other: str
) -> None:
    apply(langgraph_database, "drop_thread_id_indexes")
    langgraph_database.execute(other)

    done = run_optional(langgraph_database, "create_thread_id_indexes")

    assert done.returncode == 3
    assert (
        "expected checkpoints_thread_id_idx as a valid index on public.checkpoints" in done.stderr
    )
    assert "==> result" not in done.stdout
    kind = "TABLE" if "TABLE" in other else "INDEX"
    langgraph_database.execute(f"DROP {kind} checkpoints_thread_id_idx")
    apply(langgraph_database, "create_thread_id_indexes")
    assert_accepted(langgraph_database)


def test_a_drop_that_was_stopped_between_two_indexes_is_accepted_and_goes_on(
    langgraph_database: Database,
) -> None:
    apply(langgraph_database, "drop_thread_id_indexes")
    langgraph_database.execute("CREATE INDEX checkpoints_thread_id_idx ON checkpoints (thread_id)")

    assert_accepted(langgraph_database)
    apply(langgraph_database, "drop_thread_id_indexes")
    assert indexes(langgraph_database).isdisjoint(THREAD_INDEXES)


@pytest.mark.parametrize("table", INDEXED)
def test_an_index_lost_without_the_comment_is_found_beside_two_that_have_it(
    langgraph_database: Database, table: str
) -> None:
    apply(langgraph_database, "drop_thread_id_indexes")
    langgraph_database.execute(f"COMMENT ON CONSTRAINT {table}_pkey ON {table} IS 'mine'")

    found = json.loads(run_file(langgraph_database, "verify", format="json").stdout)

    assert found["problems"] == [
        f"indexes: {table}_thread_id_idx: expected an index on {table} (thread_id), found none"
    ]


def test_a_restored_dump_is_still_without_the_three_indexes(
    server: Server, database: Database, langgraph_database: Database
) -> None:
    apply(langgraph_database, "drop_thread_id_indexes", "create_metadata_index")
    dump = langgraph_database.run("pg_dump", "--table=public.checkpoint*")

    restored = subprocess.run(
        ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1"],
        env=server.env(database.name),
        input=dump.stdout,
        capture_output=True,
        text=True,
        check=False,
    )

    assert restored.returncode == 0, restored.stderr
    assert_accepted(database)


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_changed_while_a_migration_is_at_work(
    langgraph_database: Database, name: str
) -> None:
    before = langgraph_database.schema_dump()
    with langgraph_database.connect() as migration:
        migration.execute("SELECT pg_advisory_lock(1279739699, hashtext('public'))")
        done = run_optional(langgraph_database, name)

    assert done.returncode == 3
    assert "expected no migration of schema public at work, found one" in done.stderr
    assert langgraph_database.schema_dump() == before


@pytest.mark.parametrize("name", FILES)
def test_a_database_without_the_tables_is_refused(database: Database, name: str) -> None:
    done = run_optional(database, name)

    assert done.returncode == 3
    assert "expected public.checkpoints with a valid primary key" in done.stderr


@pytest.mark.parametrize("name", FILES)
def test_a_schema_that_needs_quotes_and_an_owner_to_act_as_will_do(
    database: Database, server: Server, name: str
) -> None:
    owner, schema = server.create_role("NOLOGIN"), 'My "checkpoints"'
    login = server.create_role()
    quoted = schema.replace('"', '""')
    database.execute(f"GRANT {owner} TO {login}", f'CREATE SCHEMA "{quoted}" AUTHORIZATION {owner}')
    assert run_file(database, "up", schema=schema, owner=owner, user=login).returncode == 0

    done = run_optional(database, name, schema=schema, owner=owner, user=login)

    assert done.returncode == 0, done.stderr
    found = run_file(database, "verify", schema=schema, format="json", owner=owner).stdout
    assert json.loads(found)["problems"] == []
