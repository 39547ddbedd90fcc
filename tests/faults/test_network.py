"""A network that cuts, resets, delays or swallows costs time, and no more than is allowed."""

import random
import time

import pytest

from tests.faults.ground import Ground
from tests.faults.migrator import Migrator, Run
from tests.faults.points import Range
from tests.support.postgres import Database
from tests.support.wire_proxy import Event, Phase, WireProxy, statement_with


def test_a_reset_at_any_point_does_not_end_the_run(
    firing_range: Range, dice: random.Random
) -> None:
    def reset(_: Run, __: Database) -> None:
        firing_range.proxy.reset()

    for point in firing_range.points(dice, 4):
        firing_range.strike(point, reset, expected=(0,))


def test_a_network_that_cuts_one_connection_in_twenty_is_outlasted(
    ground: Ground, proxied: Migrator, proxy: WireProxy, dice: random.Random
) -> None:
    def cut(event: Event) -> None:
        if dice.random() < 1 / 20:
            event.link.cut()

    proxy.hook = cut
    status, output = proxied.migrate()

    assert status == 0, output
    ground.assert_converged(proxied.database)


def test_a_slow_network_only_costs_time(
    ground: Ground, proxied: Migrator, proxy: WireProxy
) -> None:
    proxy.delay = 0.1

    status, output = proxied.migrate()

    assert status == 0, output
    assert "attempt" not in output
    ground.assert_converged(proxied.database)


@pytest.mark.parametrize("words", ["advisory", "CREATE INDEX CONC", "$prove$"])
def test_a_network_that_swallows_all_ends_the_run_at_the_deadline(
    ground: Ground, proxied: Migrator, proxy: WireProxy, words: str
) -> None:
    with proxy.stopping_at(statement_with(words, Phase.BEFORE)) as stop:
        run = proxied.begin(DEADLINE_SECONDS="2")
        run.wait_until(lambda: stop.event)
        start = time.monotonic()
        proxy.freeze()
    status = run.finish()

    assert status == 12, run.output
    assert time.monotonic() - start < 10
    proxy.thaw()
    assert proxied.migrate()[0] == 0
    ground.assert_converged(proxied.database)
