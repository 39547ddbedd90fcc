"""Strikes migrations at random moments."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.faults.ground import OLD_VERSIONS, Ground
from tests.faults.migrator import PATIENCE, Migrator, Run, wait_until
from tests.support.postgres import Database
from tests.support.wire_proxy import Phase, WireProxy, statement

# An index build on the rows of these tests, with all its waits, takes about as long.
STATEMENT_SECONDS = 0.04
WORK = (
    "SELECT count(*) FROM pg_stat_activity WHERE state = 'active'"
    " AND datname = current_database() AND pid <> pg_backend_pid()"
)
Strike = Callable[[Run, Database], None]


@dataclass(frozen=True)
class Point:
    """A moment: some time after a statement's phase, or after the start if there is no number."""

    version: int
    number: int | None
    phase: Phase
    delay: float


def random_points(
    dice: random.Random, count: int, *, statements: int, seconds: float
) -> Iterator[Point]:
    """Choose moments of a run: three of four at one of its statements, the others at any time."""
    for _ in range(count):
        version = dice.choice(OLD_VERSIONS)
        if dice.random() < 1 / 4:
            yield Point(version, None, Phase.BEFORE, dice.uniform(0, seconds))
        else:
            phase = dice.choice(list(Phase))
            delay = dice.uniform(0, STATEMENT_SECONDS) if phase is Phase.DURING else 0
            yield Point(version, dice.randint(1, statements), phase, delay)


@dataclass(frozen=True)
class Range:
    """A place to strike migrations at: their container's network is the proxy."""

    ground: Ground
    migrator: Migrator
    proxy: WireProxy

    def points(self, dice: random.Random, count: int) -> Iterator[Point]:
        """Choose moments of what an undisturbed run turns out to be."""
        with self.ground.old_database() as database:
            self.migrator.use(database, self.proxy.port)
            start = time.monotonic()
            status, output = self.migrator.migrate()
        assert status == 0, output
        seconds, statements = time.monotonic() - start, len(self.proxy.statements)
        return random_points(dice, count, statements=statements, seconds=seconds)

    def strike(
        self, point: Point, act: Strike, *, expected: tuple[int, ...], seconds: float = PATIENCE
    ) -> None:
        """Act on a migration at a point; the next one must converge.

        The first ends with an expected status within some seconds, on the server too.
        """
        with self._noting(point), self.ground.old_database(point.version) as database:
            self.migrator.use(database, self.proxy.port)
            with self._running_to(point) as run:
                act(run, database)
                start = time.monotonic()
            assert run.finish() in expected, run.output
            wait_until(lambda: database.value(WORK) == 0)
            assert time.monotonic() - start < seconds, run.output
            status, output = self.migrator.migrate()
            assert status == 0, output
            self.ground.assert_converged(database)

    @contextmanager
    def _running_to(self, point: Point) -> Iterator[Run]:
        self.proxy.statements.clear()
        with self.proxy.stopping_at(statement(point.number or 0, point.phase)) as stop:
            run = self.migrator.begin()
            if point.number:
                wait_until(lambda: stop.event or run.ended)
            # Waits for nothing: it is the chance in the moment of the fault.
            time.sleep(point.delay)
            yield run

    @contextmanager
    def _noting(self, point: Point) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            error.add_note(str(point))
            raise
