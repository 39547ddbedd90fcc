"""Runs what is compared in alternating order and describes the samples."""

import os
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

Sample = TypeVar("Sample")


@dataclass(frozen=True)
class Rounds:
    """How often each side of a comparison runs after one warm-up that does not count."""

    long: int
    """Rounds of what takes seconds."""
    short: int
    """Rounds of what takes milliseconds."""
    live: int
    """Rounds of what takes minutes, without a warm-up."""


def alternate(
    sides: Mapping[str, Callable[[], Sample]], rounds: int, *, warm_up: bool = True
) -> dict[str, list[Sample]]:
    """Run all sides once a round, in turned order every other round (ABBA).

    Whatever slows the machine down for a while then slows all sides alike.
    """
    found: dict[str, list[Sample]] = {side: [] for side in sides}
    for number in range(0 if warm_up else 1, rounds + 1):
        order = list(sides)[:: 1 if number % 2 else -1]
        for side in order:
            progress(f"{side}, {f'round {number} of {rounds}' if number else 'warm-up'}")
            result = sides[side]()
            if number:
                found[side].append(result)
    return found


def progress(text: str) -> None:
    """Tell on standard error what runs now."""
    load = os.getloadavg()[0]
    print(f"bench: {text} (load {load:.1f})", file=sys.stderr, flush=True)


def spread(values: Sequence[float]) -> float:
    """Return the interquartile range."""
    if len(values) < 2:
        return 0.0
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return third - first


def paired_ratio(ours: Sequence[float], others: Sequence[float]) -> float:
    """Return the median of the rounds' own ratios, so that a slow round counts against neither."""
    return statistics.median(a / b for a, b in zip(ours, others, strict=True))
