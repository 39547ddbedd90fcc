"""Timeouts of the role or the database change nothing, a server that is not ready is waited for."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.faults.blockers import snapshot
from tests.faults.ground import Ground
from tests.faults.history import COLUMNS
from tests.faults.migrator import Migrator
from tests.support.faulty_server import FaultyServer
from tests.support.postgres import Database
from tests.support.wire_proxy import Phase, WireProxy, statement_with

# Longer than a statement at the start, shorter than what IDLE and WAITING wait for.
TIMEOUTS = ("statement_timeout = 300", "lock_timeout = 20", "idle_session_timeout = 300")
OURS = "application_name = 'migration' AND clock_timestamp() > state_change + interval '0.4 s'"
IDLE = f"SELECT count(*) FROM pg_stat_activity WHERE {OURS} AND state = 'idle'"
WAITING = f"SELECT count(*) FROM pg_stat_activity WHERE {OURS} AND wait_event_type = 'Lock'"


@pytest.mark.parametrize("timeout", TIMEOUTS)
def test_a_timeout_of_the_database_changes_nothing(
    ground: Ground, old_database: Database, proxied: Migrator, proxy: WireProxy, timeout: str
) -> None:
    old_database.execute(f"ALTER DATABASE {old_database.name} SET {timeout}")

    with snapshot(old_database):
        with proxy.stopping_at(statement_with("CREATE INDEX CONC", Phase.BEFORE)) as stop:
            run = proxied.begin(PGAPPNAME="migration")
            run.wait_until(lambda: stop.event)
            run.wait_until(lambda: old_database.value(IDLE))
        run.wait_until(lambda: old_database.value(WAITING))
    status = run.finish()

    assert status == 0, run.output
    assert "attempt" not in run.output
    ground.assert_converged(old_database)


def test_a_role_with_too_many_connections_is_waited_for(
    ground: Ground, old_database: Database, migrator: Migrator
) -> None:
    role = ground.server.create_role("LOGIN CONNECTION LIMIT 0")
    for table in COLUMNS | {"checkpoint_migrations": ""}:
        old_database.execute(f"ALTER TABLE {table} OWNER TO {role}")
    old_database.execute(f"GRANT CREATE ON SCHEMA public TO {role}")
    migrator.use(old_database, user=role)

    run = migrator.begin()
    run.wait_for("too many connections")
    old_database.execute(f"ALTER ROLE {role} CONNECTION LIMIT 10")

    assert run.finish() == 0, run.output


def test_a_server_that_is_starting_up_is_waited_for(tmp_path: Path, programs: Path) -> None:
    with FaultyServer() as server, ThreadPoolExecutor() as pool:
        database = server.create_database()
        migrator = Migrator(tmp_path, database, programs)
        migrator.use(database)
        server.stop()
        go_on = server.recover_slowly()
        starting = pool.submit(server.start)
        run = migrator.begin()
        run.wait_for("the database system is starting up")
        go_on.touch()
        starting.result()

        assert run.finish() == 0, run.output
