"""Hundreds of kills at random points, on every version of PostgreSQL."""

import random
from pathlib import Path

import pytest

from tests.faults.conftest import SETTINGS
from tests.faults.ground import Ground
from tests.faults.migrator import Migrator
from tests.faults.points import Range
from tests.faults.test_kill import DONE, KILLED, STOPPED, kill, terminate
from tests.support.faulty_server import FaultyServer
from tests.support.postgres_versions import SUPPORTED
from tests.support.wire_proxy import WireProxy

KILLS = 320
STOPS = 40


@pytest.mark.parametrize("version", SUPPORTED)
def test_hundreds_of_kills_and_stops_leave_nothing_that_the_next_run_cannot_complete(
    tmp_path: Path, programs: Path, dice: random.Random, version: int
) -> None:
    with (
        FaultyServer(settings=SETTINGS, version=version) as server,
        WireProxy(server.port) as proxy,
    ):
        ground = Ground.prepare(server)
        migrator = Migrator(tmp_path, ground.templates[4], programs)
        firing_range = Range(ground, migrator, proxy)
        struck = 0
        for point in firing_range.points(dice, KILLS // len(SUPPORTED)):
            firing_range.strike(point, kill, expected=(KILLED, DONE))
            struck += 1
        for point in firing_range.points(dice, STOPS // len(SUPPORTED)):
            if point.number:
                firing_range.strike(point, terminate, expected=(STOPPED, DONE), seconds=2)

    assert struck * len(SUPPORTED) >= 300
