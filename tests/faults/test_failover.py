"""A run that loses its primary waits for the standby and goes on there."""

import signal
from pathlib import Path

from tests.faults.conftest import SETTINGS
from tests.faults.ground import BROKEN_INDEXES, Ground
from tests.faults.migrator import Migrator, wait_until
from tests.support.faulty_server import FaultyServer, Standby
from tests.support.postgres import Database
from tests.support.wire_proxy import WireProxy

REPLAYED = (
    "SELECT bool_and(replay_lsn >= pg_current_wal_lsn()) FROM pg_stat_replication"
    " WHERE state = 'streaming'"
)


def test_a_failover_in_an_index_build_is_waited_for_and_finished_on_the_new_primary(
    tmp_path: Path, programs: Path
) -> None:
    with FaultyServer(settings=SETTINGS | {"wal_level": "replica"}) as primary:
        ground = Ground.prepare(primary)
        database = ground.templates[4]
        with Standby(primary=primary) as standby, WireProxy(primary.port) as proxy:
            older = database.connect()
            older.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            older.execute("SELECT FROM pg_class")
            migrator = Migrator(tmp_path, database, programs)
            migrator.use(database, proxy.port)
            run = migrator.begin()
            run.wait_until(lambda: database.value(BROKEN_INDEXES))
            wait_until(lambda: database.value(REPLAYED))

            proxy.server_port = standby.port
            primary.end(signal.SIGQUIT)
            run.wait_for("expected a primary server, found a standby")
            standby.promote()

            assert run.finish() == 0, run.output
            older.close()
            ground.assert_converged(Database(standby, database.name))
