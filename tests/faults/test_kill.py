"""Killed or stopped anywhere, the next run completes what is missing."""

import random

from tests.faults.migrator import Run
from tests.faults.points import Range
from tests.support.postgres import Database

KILLED, STOPPED, DONE = -9, 143, 0


def kill(run: Run, _: Database) -> None:
    run.kill()


def terminate(run: Run, _: Database) -> None:
    run.terminate()


def test_after_a_kill_at_any_point_the_next_run_completes(
    firing_range: Range, dice: random.Random
) -> None:
    for point in firing_range.points(dice, 25):
        firing_range.strike(point, kill, expected=(KILLED, DONE))


def test_a_stop_at_any_point_ends_all_work_within_two_seconds_and_the_next_run_completes(
    firing_range: Range, dice: random.Random
) -> None:
    # Not before its first statement: the shell ends by itself until it has set its trap.
    points = [point for point in firing_range.points(dice, 9) if point.number]
    for point in points:
        firing_range.strike(point, terminate, expected=(STOPPED, DONE), seconds=2)
