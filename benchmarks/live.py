"""The upgrade from version 3 to 9 on full tables, while an application reads and writes them."""

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import migrators, texts
from benchmarks.commands import run
from benchmarks.database import checkpoint_schema, new_database, server, variables
from benchmarks.errors import BenchmarkError
from benchmarks.migrators import Migrator
from benchmarks.reference import PEERS
from benchmarks.rounds import Rounds, alternate, progress
from benchmarks.rows import Row, against_each
from benchmarks.traffic import Call, index_builds, reader, writers
from tests.support.postgres import Database, Server

NOTHING = "no migration"
FIRST_VERSIONS = 4
SETTINGS = {"shared_buffers": "2GB", "max_wal_size": "4GB"}
STALL_GOAL_MS = 60
TIME_GOALS = {migrators.SETUP: 1.1}
# The full tables, a copy of them, and the server's log.
BYTES_A_ROW, BYTES_OF_LOG = 2_700, 5 << 30


@dataclass(frozen=True)
class Upgrade:
    """How long it took, and what the writers waited meanwhile."""

    seconds: float
    calls: list[Call]
    building: list[tuple[float, float]]

    def longest(self, *, building: bool | None = None) -> float:
        """Return the longest call in milliseconds: of all, or in index builds, or outside."""
        return 1e3 * max(
            (
                call.seconds
                for call in self.calls
                if building is None or call.is_within(self.building) == building
            ),
            default=0.0,
        )

    def percentile(self, number: int) -> float:
        """Return a percentile of the calls in milliseconds."""
        return 1e3 * statistics.quantiles([call.seconds for call in self.calls], n=100)[number - 1]


class _Bench:
    """The server with its full tables, and what is done on copies of them."""

    def __init__(self, database_server: Server, scratch: Path, rows: int) -> None:
        self._server = database_server
        self._scratch = scratch
        self._seconds = 0.0
        with new_database(database_server) as database:
            migrators.setup().run(variables(database))
            self._expected = checkpoint_schema(database)
        self._template = database_server.create_database()
        progress(f"writing {rows} rows to each table")
        old_version = scratch / "version-3.sql"
        old_version.write_text(texts.recorded(texts.TEXTS[:FIRST_VERSIONS]))
        for option in (f"--file={old_version}", f"--file={PEERS / 'live' / 'rows.sql'}"):
            run(
                *("psql", "--no-psqlrc", "--quiet", f"--set=rows={rows}", option),
                environ=variables(self._template),
            )

    def upgrade(self, side: Migrator) -> Upgrade:
        """Upgrade a copy under traffic."""
        found = self._under_traffic(lambda database: side.run(variables(database)).seconds)
        self._seconds = found.seconds
        return found

    def idle(self) -> Upgrade:
        """Have the same traffic without a migration, for as long as the last one took."""

        def wait(_: Database) -> float:
            time.sleep(self._seconds)
            return self._seconds

        return self._under_traffic(wait, migrates=False)

    def _under_traffic(
        self, migrate: Callable[[Database], float], *, migrates: bool = True
    ) -> Upgrade:
        with new_database(self._server, self._template.name, "STRATEGY FILE_COPY") as database:
            with (
                writers(variables(database), self._scratch) as calls,
                index_builds(database) as building,
                reader(database),
            ):
                began = time.monotonic()
                seconds = migrate(database)
                ended = time.monotonic()
            if migrates and checkpoint_schema(database) != self._expected:
                message = "expected the tables that setup() makes after the upgrade, found others"
                raise BenchmarkError(message)
        meanwhile = [call for call in calls if call.ended > began and call.began < ended]
        upgrade = Upgrade(seconds, meanwhile, building)
        progress(f"{seconds:.1f} s, longest call {upgrade.longest():.0f} ms of {len(meanwhile)}")
        return upgrade


def measure(rounds: Rounds, rows: int) -> list[Row]:
    """Measure our upgrade, setup()'s, and the same traffic without one.

    Raises:
        BenchmarkError: the disk is too small for that many rows, or an upgrade failed.
    """
    _check_disk(rows)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, server(**SETTINGS) as started:
        scratch = Path(folder)
        bench = _Bench(started, scratch, rows)
        ours, stock = migrators.ours(scratch), migrators.setup()
        samples = alternate(
            {
                ours.name: lambda: bench.upgrade(ours),
                stock.name: lambda: bench.upgrade(stock),
                NOTHING: bench.idle,
            },
            rounds.live,
            warm_up=False,
        )
    return list(_rows(samples, rows))


def _check_disk(rows: int) -> None:
    folder = tempfile.gettempdir()
    needed, free = rows * BYTES_A_ROW + BYTES_OF_LOG, shutil.disk_usage(folder).free
    if free < needed:
        message = (
            f"expected {needed >> 30} GB free in {folder} for {rows} rows a table, found "
            f"{free >> 30}: free some, set TMPDIR to a larger disk or ask for fewer --rows"
        )
        raise BenchmarkError(message)


def _rows(samples: dict[str, list[Upgrade]], rows: int) -> Iterator[Row]:
    upgrades = {name: found for name, found in samples.items() if name != NOTHING}
    yield from against_each(
        *("live", f"v3 to v9, {rows / 1e6:g} M rows a table", upgrades, lambda it: it.seconds),
        goals=TIME_GOALS,
    )
    metrics: Sequence[tuple[str, dict[str, list[Upgrade]], Callable[[Upgrade], float]]] = (
        ("longest call of a writer", samples, lambda it: it.longest()),
        ("of them, outside index builds", upgrades, lambda it: it.longest(building=False)),
        ("of them, in index builds", upgrades, lambda it: it.longest(building=True)),
        ("99 % of the calls", samples, lambda it: it.percentile(99)),
        ("half of the calls", samples, lambda it: it.percentile(50)),
    )
    for what, compared, metric in metrics:
        yield from against_each("live", what, compared, metric, {}, unit="ms")
    for what, longest in (
        ("longest call, all rounds", lambda it: it.longest()),
        ("of it, outside index builds", lambda it: it.longest(building=False)),
    ):
        yield Row(
            benchmark="live",
            what=what,
            unit="ms",
            ours=[max(map(longest, samples[migrators.OURS]))],
            goal=STALL_GOAL_MS,
        )
