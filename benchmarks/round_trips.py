"""How often a migration waits for a server far away, and how long it takes then."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import migrators
from benchmarks.commands import Run
from benchmarks.database import server
from benchmarks.delay import Trips, delayed
from benchmarks.migrators import Migrator, Variables
from benchmarks.rounds import Rounds, alternate
from benchmarks.rows import Row, against_each
from benchmarks.twice import Twice, first_runs, run_twice, second_runs

ROUND_TRIP_SECONDS = 0.05
TRIPS_GOAL, QUERIES_AGAIN_GOAL = 5, 1
WALL, WALL_AGAIN = {migrators.SETUP: 0.25}, {migrators.SETUP: 1.0}


@dataclass(frozen=True)
class Journey:
    """One run of a migration through the proxy."""

    run: Run
    trips: Trips


def measure(rounds: Rounds) -> list[Row]:
    """Measure with 50 ms between client and server; the counts come from the wire."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        server() as database_server,
        delayed(database_server.port, ROUND_TRIP_SECONDS) as proxy,
    ):
        scratch = Path(folder)
        sides = [
            migrators.ours(scratch),
            migrators.ten_texts(scratch),
            migrators.setup(),
            migrators.golang_migrate(scratch),
        ]

        def through_proxy(side: Migrator, database: Variables) -> Journey:
            proxy.take_trips()
            return Journey(side.run({**database, "PGPORT": str(proxy.port)}), proxy.take_trips())

        once = {
            side.name: partial(run_twice, database_server, side, through_proxy) for side in sides
        }
        samples = alternate(once, rounds.long)
    return list(_rows(samples))


def _rows(samples: dict[str, list[Twice[Journey]]]) -> Iterator[Row]:
    first, again = first_runs(samples), second_runs(samples)
    counts: dict[str, Callable[[Journey], float]] = {
        "connections": lambda journey: journey.trips.connections,
        "round trips to connect": lambda journey: journey.trips.to_connect,
        "round trips for queries": lambda journey: journey.trips.for_queries,
    }
    for journeys, when, goals in (
        (first, "empty database", WALL),
        (again, "nothing to do", WALL_AGAIN),
    ):
        for what, count in counts.items():
            yield from against_each(
                *("trips", f"{what}, {when}", journeys, count), goals={}, unit="count"
            )
        yield from against_each(
            *("trips", f"50 ms away, {when}", journeys, lambda journey: 1e3 * journey.run.seconds),
            goals=goals,
            unit="ms",
        )
    yield Row(
        benchmark="trips",
        what="connections and queries, empty database",
        unit="count",
        ours=[j.trips.connections + j.trips.for_queries for j in first[migrators.OURS]],
        goal=TRIPS_GOAL,
    )
    yield Row(
        benchmark="trips",
        what="queries, nothing to do",
        unit="count",
        ours=[journey.trips.for_queries for journey in again[migrators.OURS]],
        goal=QUERIES_AGAIN_GOAL,
    )
