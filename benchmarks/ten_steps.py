"""The ten steps on an empty database and the run that finds nothing to do, beside other tools."""

import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from benchmarks import migrators
from benchmarks.commands import Run
from benchmarks.database import checkpoint_schema, new_database, server, variables
from benchmarks.errors import BenchmarkError
from benchmarks.migrators import Migrator
from benchmarks.rounds import Rounds, alternate, progress
from benchmarks.rows import Row, against_each
from benchmarks.twice import Twice, first_runs, run_twice, second_runs
from tests.support.postgres import Server

WALL = {migrators.TEXTS: 2.0, migrators.GOLANG_MIGRATE: 1.0}
CPU = {migrators.SETUP: 1 / 3, migrators.FLYWAY: 1 / 6, migrators.LIQUIBASE: 1 / 6}
CPU_BEYOND_GOLANG_MIGRATE_MS = 20
WALL_AGAIN = {migrators.GOLANG_MIGRATE: 2.0, migrators.SETUP: 1.0}


def measure(rounds: Rounds) -> list[Row]:
    """Measure every tool's process from its start to its exit."""
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch, server() as database_server:
        sides = _sides(Path(scratch))
        _check_that_all_end_alike(database_server, sides)
        once = {
            side.name: partial(run_twice, database_server, side, Migrator.run) for side in sides
        }
        samples = alternate(once, rounds.short)
    return list(_rows(samples))


def _sides(scratch: Path) -> list[Migrator]:
    return [
        migrators.ours(scratch),
        migrators.up_file(),
        migrators.ten_texts(scratch),
        migrators.setup(),
        migrators.golang_migrate(scratch),
        migrators.dbmate(scratch),
        migrators.alembic(scratch),
        *migrators.java(scratch),
    ]


def _check_that_all_end_alike(database_server: Server, sides: Sequence[Migrator]) -> None:
    """Compare every tool's tables with those that setup() makes: only then is it the same work."""
    found: dict[str, str] = {}
    for side in sides:
        progress(f"{side.name}, comparing its tables")
        with new_database(database_server) as database:
            side.run(variables(database))
            found[side.name] = checkpoint_schema(database)
    strange = [name for name, schema in found.items() if schema != found[migrators.SETUP]]
    if strange:
        message = f"expected the tables that setup() makes, found others: {', '.join(strange)}"
        raise BenchmarkError(message)


def _rows(samples: dict[str, list[Twice[Run]]]) -> Iterator[Row]:
    first, again = first_runs(samples), second_runs(samples)
    yield from against_each(
        *("peers", "ten steps, empty database", first, _wall),
        goals=WALL,
        unit="ms",
    )
    yield from against_each(*("peers", "of it, client CPU", first, _cpu), goals=CPU, unit="ms")
    ours, theirs = first[migrators.OURS], first[migrators.GOLANG_MIGRATE]
    yield Row(
        benchmark="peers",
        what="CPU beyond golang-migrate's",
        unit="ms",
        ours=[_cpu(a) - _cpu(b) for a, b in zip(ours, theirs, strict=True)],
        goal=CPU_BEYOND_GOLANG_MIGRATE_MS,
    )
    yield from against_each(
        *("peers", "again, nothing to do", again, _wall),
        goals=WALL_AGAIN,
        unit="ms",
    )
    yield from against_each(
        *("peers", "again, client CPU", again, _cpu),
        goals={},
        unit="ms",
    )


def _wall(run: Run) -> float:
    return 1e3 * run.seconds


def _cpu(run: Run) -> float:
    return 1e3 * run.cpu_seconds
