"""What the up file refuses, and that it has changed nothing by then."""

import pytest

from tests.migrations.conftest import Psql, run_file, run_setup
from tests.migrations.majors import Majors
from tests.migrations.test_up import TEXTS, held_lock, make_history
from tests.support.postgres import Database, Server
from tests.support.postgres_versions import SUPPORTED

FOREIGN = {
    "view": ("CREATE VIEW checkpoints AS SELECT 1 AS x", "found a view"),
    "materialized view": ("CREATE MATERIALIZED VIEW checkpoints AS SELECT 1 AS x", "materialized"),
    "sequence": ("CREATE SEQUENCE checkpoints", "found a relation of kind S"),
    "type": ("CREATE DOMAIN checkpoints AS integer", "found a type of this name"),
    "unlogged table": (
        TEXTS[1].replace("CREATE TABLE", "CREATE UNLOGGED TABLE"),
        "checkpoints: expected an ordinary table, found an unlogged table",
    ),
    "partitioned table": (
        TEXTS[1].rstrip(";") + " PARTITION BY HASH (thread_id)",
        "checkpoints: expected an ordinary table, found a partitioned table",
    ),
    "inherited table": (TEXTS[1] + "CREATE TABLE child () INHERITS (checkpoints)", "inherits"),
    "other table": (
        "CREATE TABLE checkpoint_writes (thread_id uuid, checkpoint_ns text)",
        "checkpoint_writes.thread_id: expected text not null, found uuid",
    ),
    "shallow saver": (
        "CREATE TABLE checkpoints (thread_id text NOT NULL, checkpoint_ns text NOT NULL DEFAULT '',"
        " type text, checkpoint jsonb NOT NULL, metadata jsonb NOT NULL DEFAULT '{}',"
        " PRIMARY KEY (thread_id, checkpoint_ns))",
        "checkpoints.checkpoint_id: expected text not null, found no such column",
    ),
    "other key": (
        TEXTS[1] + "ALTER TABLE checkpoints DROP CONSTRAINT checkpoints_pkey,"
        " ADD PRIMARY KEY (thread_id, checkpoint_id)",
        "expected PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id), found PRIMARY KEY (",
    ),
    "other default": (
        TEXTS[1] + "ALTER TABLE checkpoints ALTER checkpoint_ns SET DEFAULT 'x'",
        "expected text not null default '', found text not null default 'x'",
    ),
    "further column": (
        TEXTS[1] + "ALTER TABLE checkpoints ADD tenant uuid",
        "checkpoints.tenant: expected no such column, found uuid",
    ),
    "further constraint": (
        TEXTS[1] + "ALTER TABLE checkpoints ADD CHECK (type <> '')",
        "checkpoints: expected no further constraint, found checkpoints_type_check",
    ),
    "lost column": (
        TEXTS[1] + "ALTER TABLE checkpoints DROP COLUMN metadata",
        "checkpoints.metadata: expected jsonb not null default '{}', found no such column",
    ),
    "index on another column": (
        TEXTS[1] + "CREATE INDEX checkpoints_thread_id_idx ON checkpoints (checkpoint_id)",
        "(thread_id), found CREATE INDEX checkpoints_thread_id_idx",
    ),
    "index on another table": (
        "CREATE TABLE x (thread_id text); CREATE INDEX checkpoints_thread_id_idx ON x (thread_id)",
        "found CREATE INDEX checkpoints_thread_id_idx ON public.x",
    ),
    "table with the name of an index": (
        "CREATE TABLE checkpoints_thread_id_idx (x integer)",
        "found another relation of this name",
    ),
}


LOST = {
    "a column": (
        "DROP metadata",
        "checkpoints.metadata: expected jsonb not null default '{}', fou",
    ),
    "a column of the key": ("DROP checkpoint_id", "found none"),
    "the key alone": ("DROP CONSTRAINT checkpoints_pkey", "found none"),
    "a column, another put in": ("DROP metadata, ADD meta jsonb", "expected no such column"),
}
BY_A_BACKUP = ("a column", "a column of the key")


def assert_refused(database: Database, result, sqlstate: str, *words: str, before: str) -> None:
    assert result.returncode == 3, result.stdout
    assert f"{sqlstate}: " in result.stderr
    for word in words:
        assert word in result.stderr
    assert database.schema_dump() == before


@pytest.mark.parametrize("layout", FOREIGN)
def test_foreign_layouts_are_refused_field_by_field(
    database: Database, up: Psql, layout: str
) -> None:
    statements, difference = FOREIGN[layout]
    database.execute(statements)
    before = database.schema_dump()

    result = up()

    assert_refused(database, result, "MG010", difference, before=before)


@pytest.mark.parametrize("what", LOST)
def test_only_lost_columns_are_sent_to_a_backup(database: Database, up: Psql, what: str) -> None:
    change, difference = LOST[what]
    database.execute(TEXTS[1], f"ALTER TABLE checkpoints {change}")
    before = database.schema_dump()

    result = up()

    assert_refused(database, result, "MG010", difference, before=before)
    assert ("that they lost columns" in result.stderr) is (what in BY_A_BACKUP)
    assert ("name another schema or move" in result.stderr) is (what not in BY_A_BACKUP)


def test_a_foreign_layout_is_not_listed_to_its_end(database: Database, up: Psql) -> None:
    columns = ", ".join(f"column_{n} integer" for n in range(300))
    database.execute(f"CREATE TABLE checkpoints ({columns})")

    result = up()

    assert "more" in result.stderr
    assert len(result.stderr) < 2000


@pytest.mark.parametrize("version", [10, 42, -1])
def test_an_unknown_version_is_refused(database: Database, up: Psql, version: int) -> None:
    make_history(database, "LangGraph.js at version 4", rows=False)
    database.execute(f"INSERT INTO checkpoint_migrations VALUES ({version})")
    before = database.schema_dump()

    result = up()

    assert_refused(database, result, "MG011", f"found {version}", before=before)


def test_a_missing_schema_is_refused(database: Database, up: Psql) -> None:
    before = database.schema_dump()

    result = up(schema="No Such")

    assert_refused(database, result, "MG003", 'expected schema "No Such"', before=before)


@pytest.mark.parametrize("variable", ["owner", "app_role"])
def test_a_missing_role_is_refused(database: Database, up: Psql, variable: str) -> None:
    before = database.schema_dump()

    result = up(**{variable: "no such"})

    assert_refused(database, result, "MG004", 'role "no such", found no such role', before=before)


def test_a_read_only_database_is_refused(database: Database, up: Psql) -> None:
    database.execute(f"ALTER DATABASE {database.name} SET default_transaction_read_only = on")
    before = database.schema_dump()

    result = up()

    assert_refused(database, result, "MG001", "default_transaction_read_only", before=before)


def test_an_encoding_other_than_utf8_is_refused(server: Server) -> None:
    latin = server.create_database("template0", "ENCODING LATIN1 LOCALE 'C'")
    before = latin.schema_dump()

    result = run_file(latin, "up")

    assert_refused(latin, result, "MG002", "expected encoding UTF8, found LATIN1", before=before)
    latin.drop()


def test_a_missing_create_right_names_the_grant(database: Database, server: Server) -> None:
    role = server.create_role()
    before = database.schema_dump()

    result = run_file(database, "up", user=role)

    grant = f"run GRANT USAGE, CREATE ON SCHEMA public TO {role}"
    assert_refused(database, result, "42501", grant, before=before)


def test_tables_of_another_role_name_the_grant(database: Database, server: Server) -> None:
    make_history(database, "2.0.9 at version 8 without task_path", rows=False)
    role = server.create_role()
    database.execute(
        f"GRANT USAGE, CREATE ON SCHEMA public TO {role}",
        f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}",
    )
    before = database.schema_dump()

    result = run_file(database, "up", user=role)

    grant = f"checkpoint_writes, which belongs to role postgres: run GRANT postgres TO {role}"
    assert_refused(database, result, "42501", grant, before=before)


def test_another_migration_at_work_is_named(database: Database, up: Psql) -> None:
    before = database.schema_dump()

    with held_lock(database) as holder:
        pid = holder.info.backend_pid
        result = up()

    holder_facts = f"(pid {pid}, application 'somebody else', connected since 20"
    assert_refused(database, result, "MGBSY", holder_facts, before=before)


def test_the_lock_of_another_database_does_not_matter(
    database: Database, up: Psql, server: Server
) -> None:
    other = server.create_database()

    with held_lock(other):
        result = up()

    assert result.returncode == 0, result.stderr
    other.drop()


def test_a_standby_is_refused_by_every_file() -> None:
    with Server() as server:
        standby = Database(server, "postgres")
        run_setup(standby)
        server.stop()
        (server.root / "data" / "standby.signal").touch()
        server.start()

        up, down, verify = (run_file(standby, kind) for kind in ("up", "down", "verify"))

    for result in (up, down):
        assert "MG001: expected a primary server, found a standby" in result.stderr
    assert "cannot execute INSERT in a read-only transaction" in verify.stdout


@pytest.mark.parametrize("version", SUPPORTED)
def test_tables_that_an_event_trigger_changed_are_not_made(majors: Majors, version: int) -> None:
    database = majors(version).server.create_database()
    database.run("psql", "-X", "-q", "-f", "tests/fixtures/row_security_for_all.sql")

    result = run_file(database, "up")

    assert "MG012: expected the new tables as they were made, found that an event" in result.stderr
    assert "the one that did (row_security_for_all)" in result.stderr
    assert database.value("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
    database.drop()
