"""A run whose server process or whose server ends connects again and goes on."""

import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import SETTINGS
from tests.faults.ground import BROKEN_INDEXES, Ground
from tests.faults.migrator import Migrator, Run
from tests.faults.points import Range
from tests.support.faulty_server import FaultyServer
from tests.support.postgres import Database
from tests.support.wire_proxy import WireProxy

DONE = 0
END_ALL_BACKENDS = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture(scope="module")
def durable_ground() -> Iterator[Ground]:
    with FaultyServer(settings=SETTINGS | {"fsync": "on"}) as server:
        yield Ground.prepare(server)


@pytest.fixture
def durable_range(durable_ground: Ground, tmp_path: Path, programs: Path) -> Iterator[Range]:
    with WireProxy(durable_ground.server.port) as proxy:
        migrator = Migrator(tmp_path, durable_ground.templates[4], programs)
        yield Range(durable_ground, migrator, proxy)


def test_a_terminated_backend_at_any_point_does_not_end_the_run(
    firing_range: Range, dice: random.Random
) -> None:
    def end_backends(_: Run, database: Database) -> None:
        database.execute(END_ALL_BACKENDS)

    for point in firing_range.points(dice, 6):
        firing_range.strike(point, end_backends, expected=(DONE,))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
def test_a_server_restart_at_any_point_does_not_end_the_run(
    durable_range: Range, dice: random.Random, number: signal.Signals
) -> None:
    def restart(_: Run, __: Database) -> None:
        durable_range.ground.server.restart(number)

    for point in durable_range.points(dice, 3):
        durable_range.strike(point, restart, expected=(DONE,))


def test_a_crash_of_the_server_in_an_index_build_leaves_no_invalid_index(
    durable_range: Range,
) -> None:
    server, migrator = durable_range.ground.server, durable_range.migrator
    with durable_range.ground.old_database() as database:
        older = database.connect()
        older.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        older.execute("SELECT FROM pg_class")
        migrator.use(database)
        run = migrator.begin()
        run.wait_until(lambda: database.value(BROKEN_INDEXES))
        server.restart(signal.SIGQUIT)
        older.close()

        assert run.finish() == 0, run.output
        durable_range.ground.assert_converged(database)
