"""The exporters' SQL on every PostgreSQL: right, cheap whatever the size, with few rights."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from tests.migrations.conftest import run_file
from tests.support.documents import commands
from tests.support.monitoring import (
    ARGS,
    CLOUDNATIVE_PG_ROLE,
    Samples,
    collected,
    commands_of_alerts,
    exported_by_cloudnative_pg,
    queries,
)
from tests.support.postgres import Database, Server
from tests.support.postgres_versions import SUPPORTED
from tests.support.version_9 import TABLES

ROLE_SQL = commands("docs/monitoring.md", "role")
# 2026-01-01 00:00 UTC, and how many 100 ns a UUIDv6 counts up to 1970.
BEGIN, UUID_EPOCH = 1_767_225_600, 122_192_928_000_000_000
HOUR = 3600


def rows(first: int, last: int, order: str = "n") -> str:
    """Return an INSERT of one checkpoint an hour, with ids as the saver draws them."""
    return f"""
        INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint)
        SELECT (n / 100)::text, substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-6' || substr(h, 13)
            || '-8001-8a1503f9b875', '{{}}'
        FROM generate_series({first}, {last}) AS n,
            lpad(to_hex({UUID_EPOCH} + ({BEGIN} + n::bigint * {HOUR}) * 10000000), 15, '0') AS h
        ORDER BY {order}
    """


@pytest.fixture(scope="module", params=SUPPORTED)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    # Who vacuums or analyzes is the test alone.
    with Server(version=request.param, settings={"autovacuum": "off"}) as running:
        yield running


@pytest.fixture(scope="module")
def template(server: Server) -> Database:
    made = server.create_database()
    assert run_file(made, "up").returncode == 0
    return made


@pytest.fixture
def database(server: Server, template: Database) -> Iterator[Database]:
    copy = server.create_database(template=template.name)
    yield copy
    copy.drop()


@pytest.fixture
def observer(database: Database) -> Iterator[psycopg.Connection]:
    with database.connect() as connection:
        yield connection


def of_table(samples: Samples, metric: str, table: str = "checkpoints") -> float:
    return samples[f"langgraph_checkpoint_table_{metric}", "dev", table]


def times(samples: Samples) -> tuple[float, float]:
    """Return oldest and newest in hours since the first id could have been drawn."""
    found = [samples[f"langgraph_checkpoint_{which}_timestamp_seconds", "dev"]
             for which in ("oldest", "newest")]  # fmt: skip
    return (found[0] - BEGIN) / HOUR, (found[1] - BEGIN) / HOUR


def test_metrics_say_what_the_tables_hold(database: Database, observer: psycopg.Connection) -> None:
    database.execute(rows(1, 3000), "VACUUM ANALYZE checkpoints")
    samples = collected(observer)

    assert {labels[2] for labels in samples if len(labels) == 3} == set(TABLES)
    assert of_table(samples, "rows") == pytest.approx(3000)
    for metric, function in (
        ("bytes", "pg_total_relation_size"),
        ("index_bytes", "pg_indexes_size"),
    ):
        assert of_table(samples, metric) == database.value(f"SELECT {function}('checkpoints')")
    assert samples["langgraph_checkpoint_schema_version", "dev"] == 9
    assert times(samples) == pytest.approx((1, 3000))


def test_an_empty_database_has_metrics_and_no_times(observer: psycopg.Connection) -> None:
    samples = collected(observer)

    assert of_table(samples, "rows") == 0
    assert samples["langgraph_checkpoint_sampled_ids", "dev"] == 0
    assert ("langgraph_checkpoint_oldest_timestamp_seconds", "dev") not in samples


def test_times_of_a_large_table_are_within_a_hundredth_of_its_age(
    database: Database, observer: psycopg.Connection
) -> None:
    database.execute(rows(1, 20_000, order="md5(n::text)"), "ANALYZE checkpoints")

    oldest, newest = times(collected(observer))

    assert 1 <= oldest <= 200
    assert 19_800 <= newest <= 20_000


def test_the_oldest_moves_on_once_old_rows_are_deleted(
    database: Database, observer: psycopg.Connection
) -> None:
    database.execute(
        rows(1, 3000),
        "ANALYZE checkpoints",
        "DELETE FROM checkpoints WHERE thread_id::integer < 20",
        "VACUUM ANALYZE checkpoints",
    )

    assert times(collected(observer)) == pytest.approx((2000, 3000))


def test_the_newest_is_seen_before_the_next_analyze(
    database: Database, observer: psycopg.Connection
) -> None:
    database.execute(rows(1, 3000), "ANALYZE checkpoints", rows(3001, 3002))

    assert times(collected(observer)) == pytest.approx((1, 3002))


def test_extreme_and_foreign_rows_change_nothing(
    database: Database, observer: psycopg.Connection
) -> None:
    database.execute(
        rows(1, 3000),
        "INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, checkpoint) VALUES"
        " (repeat('\U0001f511', 600), repeat('n|', 300), '0', '{}'), ('t', '', '', '{}'),"
        " ('t', '', 'ffffffff-ffff-1fff-8001-8a1503f9b875', '{}'),"
        " ('t', '', 'zzzzzzzz-zzzz-6zzz-8001-8a1503f9b875', '{}')",
        "ANALYZE checkpoints",
    )

    assert times(collected(observer)) == pytest.approx((1, 3000))


def test_dead_rows_are_counted_in_the_table_and_beside_it(
    database: Database, observer: psycopg.Connection
) -> None:
    with database.connect() as writer:
        writer.execute(
            "INSERT INTO checkpoint_blobs SELECT n::text, '', 'c', '1', 't',"
            " decode((SELECT string_agg(md5((n * 997 + i)::text), '')"
            " FROM generate_series(1, 300) AS i), 'hex') FROM generate_series(1, 30) AS n"
        )
        writer.execute("DELETE FROM checkpoint_blobs WHERE thread_id::integer <= 10")
        writer.execute("SELECT pg_stat_force_next_flush()")

    samples = collected(observer)

    assert of_table(samples, "dead_rows", "checkpoint_blobs") == 10
    dead = of_table(samples, "toast_dead_rows", "checkpoint_blobs")
    assert dead >= 10
    assert of_table(samples, "toast_rows", "checkpoint_blobs") == 2 * dead
    assert of_table(samples, "inserted_total", "checkpoint_blobs") == 30


def test_an_invalid_index_is_counted_unless_it_is_being_built(
    database: Database, observer: psycopg.Connection
) -> None:
    def count() -> float:
        return of_table(collected(observer), "invalid_indexes")

    def build() -> None:
        with database.connect() as builder:
            builder.execute("SET application_name = 'builder'")
            with pytest.raises(psycopg.errors.QueryCanceled):
                builder.execute("CREATE INDEX CONCURRENTLY slow ON checkpoints (type)")

    waits = (
        "SELECT pid FROM pg_stat_activity"
        " WHERE application_name = 'builder' AND wait_event_type = 'Lock'"
    )
    with database.connect() as holder:
        holder.autocommit = False
        holder.execute(
            "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('t', '1', '{}')"
        )
        builder = threading.Thread(target=build)
        builder.start()
        while not (pid := database.value(waits)):
            assert builder.is_alive()
        building = count()
        observer.execute("SELECT pg_cancel_backend(%s)", [pid])
        builder.join()

    assert building == 0
    assert count() == 1


def test_metrics_are_of_the_schema_that_the_settings_name(server: Server) -> None:
    schema = """we"ird's %s $1 schema"""
    database = server.create_database()
    quoted = schema.replace('"', '""')
    database.execute(f'CREATE SCHEMA "{quoted}"')
    assert run_file(database, "up", schema=schema).returncode == 0

    with database.connect() as connection:
        samples = collected(connection, replace(ARGS, database_schema=schema))

    assert samples["langgraph_checkpoint_schema_version", "dev"] == 9
    assert len([key for key in samples if key[0] == "langgraph_checkpoint_table_rows"]) == 4
    database.drop()


def plan(connection: psycopg.Connection[Any], query: str) -> dict[str, Any]:
    text = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + query
    ((found,),) = connection.execute(text.encode()).fetchall()
    return found[0]["Plan"]


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from nodes(child)


def test_a_scrape_reads_as_little_of_a_hundred_times_larger_table(
    database: Database, observer: psycopg.Connection
) -> None:
    blocks = []
    for first, last in ((1, 3000), (3001, 300_000)):
        database.execute(rows(first, last), "ANALYZE checkpoints")
        # The first scrape of a session fills its catalog caches.
        collected(observer)
        plans = [plan(observer, query) for query in queries().values()]
        found = [node for made in plans for node in nodes(made)]
        scans = {node["Node Type"] for node in found if node.get("Relation Name") in TABLES}
        assert scans == {"Tid Range Scan", "Index Only Scan"}
        blocks.append(sum(it["Shared Hit Blocks"] + it["Shared Read Blocks"] for it in plans))

    small, large = blocks
    assert large <= small + 10
    assert large <= 400


@pytest.mark.lane
def test_cloudnative_pg_exports_the_same_as_the_collector(
    server: Server, database: Database, observer: psycopg.Connection, tmp_path: Path
) -> None:
    database.execute(rows(1, 3000), "VACUUM ANALYZE checkpoints")
    exists = f"SELECT count(*) FROM pg_roles WHERE rolname = '{CLOUDNATIVE_PG_ROLE}'"
    if not database.value(exists):
        role = server.create_role()
        server.execute(f"ALTER ROLE {role} RENAME TO {CLOUDNATIVE_PG_ROLE}")
        server.execute(f"GRANT pg_monitor TO {CLOUDNATIVE_PG_ROLE}")
    for statement in grants(CLOUDNATIVE_PG_ROLE, database.name):
        database.execute(statement)
    args = replace(ARGS, database_name=database.name)

    assert exported_by_cloudnative_pg(database, tmp_path, args) == pytest.approx(
        collected(observer)
    )


def grants(role: str, database: str) -> list[str]:
    """Return the document's GRANTs for another role and database."""
    named = ROLE_SQL.replace("checkpoint_metrics", role)
    texts = named.replace("DATABASE langgraph", f'DATABASE "{database}"').split(";")
    return [text.strip() for text in texts if text.strip().startswith("GRANT")]


@pytest.fixture
def metrics_role(server: Server, database: Database) -> str:
    role = server.create_role()
    # As where the program makes the database; a copy of it lets everybody in again.
    database.execute(f"REVOKE CONNECT ON DATABASE {database.name} FROM PUBLIC")
    for statement in grants(role, database.name):
        database.execute(statement)
    return role


def test_the_documented_role_reads_the_metrics_and_no_state(
    database: Database, metrics_role: str
) -> None:
    database.execute(rows(1, 3000), "ANALYZE checkpoints")
    refused = [
        "SELECT thread_id FROM checkpoints", "SELECT checkpoint FROM checkpoints",
        "SELECT 1 FROM checkpoint_blobs", "SELECT 1 FROM checkpoint_writes",
        "DELETE FROM checkpoints", "CREATE TABLE mine ()",
    ]  # fmt: skip
    with database.connect(metrics_role) as limited, database.connect() as everything:
        assert collected(limited) == collected(everything)
        for statement in refused:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                limited.execute(statement.encode())


def test_the_alerts_commands_run_as_they_stand(database: Database, metrics_role: str) -> None:
    every = commands_of_alerts(replace(ARGS, database_name=database.name))
    found = {alert: text for alert, text in every.items() if text.startswith("psql ")}
    assert len(found) == 6

    for alert, text in found.items():
        done = database.run("sh", "-c", text.replace("checkpoint_metrics", metrics_role))
        assert done.returncode == 0, done.stderr
        assert done.stdout, alert
    database.execute(f"REVOKE SELECT (checkpoint_id) ON checkpoints FROM {metrics_role}")
    text = found["CheckpointMetricsMissing"].replace("checkpoint_metrics", metrics_role)
    assert "permission denied" in database.run("sh", "-c", text).stderr


def test_the_role_keeps_the_schema_verified_and_migrated(
    database: Database, metrics_role: str
) -> None:
    assert metrics_role
    again, verified = run_file(database, "up"), run_file(database, "verify")

    assert again.returncode == 0, again.stderr
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_without_rights_what_the_catalog_says_is_left_and_the_migration_runs(
    server: Server, database: Database
) -> None:
    role = server.create_role()
    texts = queries()
    with database.connect(role) as limited:
        assert len(limited.execute(texts["langgraph_checkpoint_table"].encode()).fetchall()) == 4
        for query in ("langgraph_checkpoint", "langgraph_checkpoint_schema"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                limited.execute(texts[query].encode())

        assert run_file(database, "up").returncode == 0
