"""Retention beside PostgresSaver.prune on the same idle threads, alone and while others write."""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks import migrators
from benchmarks.commands import run
from benchmarks.database import new_database, server, variables
from benchmarks.errors import BenchmarkError
from benchmarks.reference import PEERS
from benchmarks.rounds import Rounds, alternate, progress
from benchmarks.rows import Row, against_each
from benchmarks.traffic import Call, writers
from devstack.layout import ROOT
from tests.support.idle_threads import fill
from tests.support.postgres import Database, Server

OURS, UPSTREAM, NOTHING = "retention.sh", "PostgresSaver.prune", "no retention"
# Threads, and the checkpoints of each: upstream's method costs by the thread too.
LONG, SHORT = (1_000, 100), (2_500, 10)
Shape = tuple[int, int]
SETTINGS = {"shared_buffers": "512MB", "max_wal_size": "4GB"}
# Ours to theirs, as time for the same rows; and live writers beside their undisturbed selves.
RATE_GOALS, LOG_GOALS, LIVE_GOALS = {UPSTREAM: 1 / 3}, {UPSTREAM: 1.0}, {NOTHING: 1.3}
LIVE = ", under traffic"
LOG_PLACE = "SELECT pg_current_wal_insert_lsn()"
TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
SURVIVORS = "SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM {} AS t {}"
IDLE = "WHERE thread_id LIKE 'idle-%'"


@dataclass(frozen=True)
class Pruning:
    """How long it took, what it deleted and logged, and what the writers waited meanwhile."""

    seconds: float
    rows: int
    wal_bytes: int
    calls: list[Call] = field(default_factory=list)

    def percentile(self, number: int) -> float:
        """Return a percentile of the writers' calls in milliseconds."""
        return 1e3 * statistics.quantiles([call.seconds for call in self.calls], n=100)[number - 1]


Prune = Callable[[Database], float]


class _Bench:
    """The server with its idle threads, and what is done on copies of them."""

    def __init__(self, database_server: Server, scratch: Path) -> None:
        self._server, self._scratch = database_server, scratch
        self._container = migrators.ours(scratch)
        self._seconds = 10.0
        self._survivors: dict[Shape, list[str]] = {}
        self._templates = {shape: self._template(*shape) for shape in (LONG, SHORT)}

    def _template(self, threads: int, steps: int) -> Database:
        progress(f"writing {threads} threads of {steps} checkpoints")
        template = self._server.create_database()
        migrators.setup().run(variables(template))
        fill(template, threads, steps)
        return template

    def ours(self, database: Database) -> float:
        """Run retention as its container does."""
        environ = {**self._container.environ(variables(database)), "KEEP_LATEST_AFTER_DAYS": "30"}
        script = ROOT / "components" / "retention" / "retention.sh"
        self._seconds = run(self._scratch / "bin" / "sh", script, environ=environ).seconds
        return self._seconds

    def upstream(self, database: Database) -> float:
        """Run upstream's method in a process whose start is not counted."""
        command = (sys.executable, PEERS / "langgraph_prune.py")
        found = run(*command, environ=variables(database), mark="pruning")
        return found.seconds - found.mark_seconds

    def nothing(self, _: Database) -> float:
        """Wait for as long as retention took last."""
        time.sleep(self._seconds)
        return self._seconds

    def alone(self, prune: Prune, shape: Shape) -> Pruning:
        """Prune a database that nobody else uses."""
        with self._copy(shape) as database:
            return self._measured(database, prune, shape)

    def under_traffic(self, prune: Prune) -> Pruning:
        """Prune while three writers save supersteps of other threads."""
        with self._copy(LONG) as database:
            with writers(variables(database), self._scratch) as calls:
                began = time.monotonic()
                found = self._measured(database, prune, LONG)
                ended = time.monotonic()
            found.calls.extend(it for it in calls if it.ended > began and it.began < ended)
        progress(f"99 % of the calls {found.percentile(99):.1f} ms")
        return found

    @contextmanager
    def _copy(self, shape: Shape) -> Iterator[Database]:
        template = self._templates[shape].name
        with new_database(self._server, template, "STRATEGY FILE_COPY") as database:
            yield database

    def _measured(self, database: Database, prune: Prune, shape: Shape) -> Pruning:
        rows, place = _rows(database), database.value(LOG_PLACE)
        seconds = prune(database)
        logged = database.value(f"SELECT ({LOG_PLACE}) - '{place}'::pg_lsn")
        deleted = rows - _rows(database)
        if deleted:
            self._compare(shape, [database.value(SURVIVORS.format(it, IDLE)) for it in TABLES])
        progress(f"{deleted} rows in {seconds:.1f} s")
        return Pruning(seconds, deleted, int(logged))

    def _compare(self, shape: Shape, survivors: list[str]) -> None:
        if survivors != self._survivors.setdefault(shape, survivors):
            message = "expected the same surviving rows from both sides, found others"
            raise BenchmarkError(message)


def measure(rounds: Rounds) -> list[Row]:
    """Measure retention and upstream's prune alone, and both, or neither, under traffic.

    Raises:
        BenchmarkError: a run failed, or the surviving rows are not the same.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, server(**SETTINGS) as started:
        bench = _Bench(started, Path(folder))
        prunes = {OURS: bench.ours, UPSTREAM: bench.upstream}
        traffic = {**prunes, NOTHING: bench.nothing}
        sides = {
            side + _shown(shape): partial(bench.alone, prune, shape)
            for shape in (LONG, SHORT)
            for side, prune in prunes.items()
        } | {side + LIVE: partial(bench.under_traffic, it) for side, it in traffic.items()}
        samples = alternate(sides, rounds.live, warm_up=False)
    return list(_table(samples))


def _table(samples: dict[str, list[Pruning]]) -> Iterator[Row]:
    for shape in (LONG, SHORT):
        yield from _alone({side: samples[side + _shown(shape)] for side in (OURS, UPSTREAM)}, shape)
    live = {side: samples[side + LIVE] for side in (OURS, UPSTREAM, NOTHING)}
    both = {side: live[side] for side in (OURS, UPSTREAM)}
    what = f"prune{_shown(LONG)}{LIVE}"
    yield from against_each("retention", what, both, lambda it: it.seconds, {})
    for number, what in ((99, "99 % of the writers' calls"), (50, "half of the calls")):
        yield from against_each(
            *("retention", what, live, lambda it, number=number: it.percentile(number)),
            LIVE_GOALS if number == 99 else {},
            unit="ms",
        )


def _alone(both: dict[str, list[Pruning]], shape: Shape) -> Iterator[Row]:
    what = f"prune{_shown(shape)}"
    yield from against_each("retention", what, both, lambda it: it.seconds, RATE_GOALS)
    yield from against_each(
        *("retention", "of it, rows a second", both, lambda it: it.rows // it.seconds, {}),
        unit="count",
    )
    yield from against_each(
        *("retention", "of it, write-ahead log", both, lambda it: it.wal_bytes / 1e6, LOG_GOALS),
        unit="MB",
    )


def _shown(shape: Shape) -> str:
    return f" {shape[0]} threads of {shape[1]}"


def _rows(database: Database) -> int:
    counts = [database.value(f"SELECT count(*) FROM {table} {IDLE}") for table in TABLES]  # noqa: S608 -- names above
    return sum(counts)
