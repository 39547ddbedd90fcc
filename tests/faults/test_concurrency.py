"""Any number of migrations at once, with setup() among them: one works, none fails."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg import Connection, Error
from psycopg.rows import DictRow, dict_row

from tests.faults.ground import Ground
from tests.faults.history import COLUMNS, NO_ROWS
from tests.faults.migrator import Migrator
from tests.support.postgres import Database
from tests.support.wire_proxy import Phase, WireProxy, statement_with

HOLDER = (
    "SELECT format('pid %s, application %L, connected since %s', pid, application_name,"
    " to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS \"UTC\"'))"
    " FROM pg_locks JOIN pg_stat_activity USING (pid)"
    " WHERE locktype = 'advisory' AND datname = current_database()"
)


def setup(database: Database) -> int:
    """Run setup() as an application does and return the process of the server that it used."""
    conninfo = database.server.conninfo(database.name)
    with Connection[DictRow].connect(conninfo, autocommit=True, row_factory=dict_row) as connection:
        # It takes no lock: losing a race against us or itself is normal for it.
        with suppress(Error):
            PostgresSaver(connection).setup()
        return connection.info.backend_pid


def test_of_two_migrations_one_works_and_one_has_nothing_to_do(
    ground: Ground, old_database: Database, migrator: Migrator
) -> None:
    runs = [migrator.begin() for _ in range(2)]

    assert [run.finish() for run in runs] == [0, 0], [run.output for run in runs]
    assert sum("migrated in" in run.output for run in runs) == 1
    ground.assert_converged(old_database)


@pytest.mark.parametrize("filled", [True, False], ids=["old with rows", "empty"])
def test_a_hundred_migrations_and_four_setups_all_end_well_without_a_deadlock_of_ours(
    ground: Ground, old_database: Database, migrator: Migrator, filled: bool
) -> None:
    if not filled:
        old_database.execute(f"DROP TABLE checkpoint_migrations, {', '.join(COLUMNS)}")
    before = len(ground.server.deadlocks())

    with ThreadPoolExecutor() as pool:
        setups = [pool.submit(setup, old_database) for _ in range(4)]
        runs = [migrator.begin(DEADLINE_SECONDS="120") for _ in range(100)]
        failed = [run.output for run in runs if run.finish() != 0]
        others = {done.result() for done in setups}

    assert failed == []
    # One setup() deadlocks with another, whatever we do; never do two of ours.
    assert [circle for circle in ground.server.deadlocks()[before:] if not circle & others] == []
    ground.assert_converged(old_database, ground.rows if filled else NO_ROWS)


def test_a_hung_peer_is_named_when_the_time_is_up(
    ground: Ground, old_database: Database, proxied: Migrator, proxy: WireProxy
) -> None:
    with proxy.stopping_at(statement_with("CREATE INDEX CONC", Phase.BEFORE)) as stop:
        hung = proxied.begin(PGAPPNAME="hung pod")
        hung.wait_until(lambda: stop.event)
        proxied.use(old_database)
        status, output = proxied.migrate(DEADLINE_SECONDS="1")
        holder = old_database.value(HOLDER)

    assert status == 12, output
    assert "application 'hung pod'" in holder
    assert holder in output
    assert hung.finish() == 0, hung.output
    ground.assert_converged(old_database)
