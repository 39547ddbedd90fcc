"""One line of the results: our samples, what ran beside them, and the goal."""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from benchmarks.rounds import paired_ratio, spread

HEADER = ("measured", "unit", "this project", "compared with", "its figure", "ratio", "goal", "met")

Sample = TypeVar("Sample")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One comparison; without a peer the goal is a limit of our own median."""

    benchmark: str
    what: str
    unit: str
    ours: list[float]
    peer: str = ""
    theirs: list[float] = field(default_factory=list)
    goal: float | None = None
    date: str = ""

    @property
    def ratio(self) -> float | None:
        """Return ours to theirs, round by round."""
        return paired_ratio(self.ours, self.theirs) if self.peer else None

    @property
    def met(self) -> bool | None:
        """Tell whether the goal is met; None if there is none."""
        if self.goal is None:
            return None
        return (self.ratio or statistics.median(self.ours)) <= self.goal

    def cells(self) -> tuple[str, ...]:
        """Return the row as it is printed."""
        goal, met = "", ""
        if self.goal is not None:
            goal = f"≤ {self.goal:.3g}" + ("" if self.peer else f" {self.unit}")
            met = "yes" if self.met else "no"
        ratio = f"{self.ratio:.2f}" if self.ratio else ""
        return (
            *(self.what, self.unit, described(self.ours), self.peer),
            *(described(self.theirs), ratio, goal, met),
        )


def against_each(
    benchmark: str,
    what: str,
    samples: Mapping[str, Sequence[Sample]],
    metric: Callable[[Sample], float],
    goals: Mapping[str, float],
    *,
    unit: str = "s",
) -> Iterator[Row]:
    """Compare the first side with every other one; `goals` holds a limit by the peer's name."""
    (_, ours), *others = samples.items()
    # A row without a peer, or our own numbers would be missing where nothing runs beside them.
    for peer, theirs in others or [("", [])]:
        yield Row(
            benchmark=benchmark,
            what=what,
            unit=unit,
            ours=[metric(sample) for sample in ours],
            peer=peer,
            theirs=[metric(sample) for sample in theirs],
            goal=goals.get(peer, goals.get("*") if peer else None),
        )


def described(values: Sequence[float]) -> str:
    """Return the median, the smallest value and the interquartile range."""
    if not values:
        return ""
    median = statistics.median(values)
    counted = all(value == int(value) for value in values)
    digits = 0 if counted or median >= 100 else 1 if median >= 10 else 2
    return f"{median:.{digits}f} ({min(values):.{digits}f}, {spread(values):.{digits}f})"


def table(rows: Sequence[Row]) -> str:
    """Return the rows as an aligned table, which Markdown understands too."""
    cells = [HEADER, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    cells.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        "| "
        + " | ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in cells
    )
