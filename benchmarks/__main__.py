"""Runs the benchmarks and prints their table."""

import argparse
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import (
    deployments,
    live,
    machine,
    queries,
    results,
    retention,
    round_trips,
    start,
    ten_steps,
)
from benchmarks.errors import BenchmarkError
from benchmarks.rounds import Rounds, progress
from benchmarks.rows import Row
from devstack import stack
from devstack.environment import environment
from devstack.errors import StackError

# Each takes longer than all the others together.
LIVE, RETENTION, QUERIES = "live", "retention", "queries"


def main() -> int:
    """Measure what was asked for, print it and, if told to, keep it."""
    options = _parser().parse_args()
    chosen = {options.only} if options.only else set(results.ORDER) - {LIVE, RETENTION, QUERIES}
    rounds = Rounds(long=options.rounds or 7, short=options.rounds or 11, live=options.rounds or 2)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        today = datetime.now(UTC).date().isoformat()
        rows = [replace(row, date=today) for row in _measure(chosen, rounds, options)]
    except (BenchmarkError, StackError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: interrupted, what was started is gone", file=sys.stderr)
        return 130
    described = machine.describe()
    print(results.report(described, rows), end="")
    if options.save:
        results.save(described, rows)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--only",
        choices=results.ORDER,
        help="run one benchmark; live, retention and queries run only so",
    )
    parser.add_argument(
        "--rounds", type=int, help="rounds after the warm-up (7, for single migrations 11, live 2)"
    )
    parser.add_argument(
        "--rows", type=int, default=10_000_000, help="rows of each table that live migrates"
    )
    parser.add_argument("--save", action="store_true", help="keep the results in the repository")
    parser.add_argument(
        "--peer",
        type=Path,
        help="folder of another Pulumi program that does the same, to run beside ours; it is "
        "copied, its prepare.sh runs, and it finds the stack in the usual variables",
    )
    return parser


def _measure(chosen: set[str], rounds: Rounds, options: argparse.Namespace) -> list[Row]:
    rows: list[Row] = []
    if "start" in chosen:
        rows += start.measure(rounds)
    if chosen & {"up", "noop"}:
        with _stack() as environ, deployments.sides(environ, options.peer) as compared:
            if "up" in chosen:
                rows += deployments.measure_up(compared, rounds)
            if "noop" in chosen:
                rows += deployments.measure_noop(compared, rounds)
    if "peers" in chosen:
        rows += ten_steps.measure(rounds)
    if "trips" in chosen:
        rows += round_trips.measure(rounds)
    if LIVE in chosen:
        rows += live.measure(rounds, options.rows)
    if RETENTION in chosen:
        rows += retention.measure(rounds)
    if QUERIES in chosen:
        rows += queries.measure(rounds)
    return rows


@contextmanager
def _stack() -> Iterator[dict[str, str]]:
    """Start a stack of this run's own; it and its data are gone afterwards."""
    name = f"bench-{os.getpid()}"
    try:
        stack.up(name, progress)
        yield environment(name)
    finally:
        stack.down(name, lambda _: None, purge=True)


if __name__ == "__main__":
    sys.exit(main())
