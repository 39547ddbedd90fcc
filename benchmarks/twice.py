"""A migration of an empty database and, right after it, one that finds nothing to do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from benchmarks.database import new_database, variables
from benchmarks.migrators import Migrator, Variables
from tests.support.postgres import Server

Sample = TypeVar("Sample")


@dataclass(frozen=True)
class Twice(Generic[Sample]):
    """What was found in both runs; bare texts have no second one."""

    first: Sample
    second: Sample | None


def run_twice(
    server: Server, side: Migrator, measure: Callable[[Migrator, Variables], Sample]
) -> Twice[Sample]:
    """Measure both runs on a database that is gone afterwards."""
    with new_database(server) as database:
        found = variables(database)
        first = measure(side, found)
        return Twice(first, measure(side, found) if side.repeatable else None)


def first_runs(samples: Mapping[str, list[Twice[Sample]]]) -> dict[str, list[Sample]]:
    """Return every side's runs on an empty database."""
    return {name: [both.first for both in runs] for name, runs in samples.items()}


def second_runs(samples: Mapping[str, list[Twice[Sample]]]) -> dict[str, list[Sample]]:
    """Return the runs that found nothing to do, without the sides that have none."""
    found = {
        name: [both.second for both in runs if both.second is not None]
        for name, runs in samples.items()
    }
    return {name: runs for name, runs in found.items() if runs}
