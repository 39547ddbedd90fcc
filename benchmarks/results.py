"""Keeps the results of a machine class and copies its table into the README."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.rows import Row, table

ORDER: tuple[str, ...] = ("start", "up", "noop", "peers", "trips", "live", "retention", "queries")
FOLDER = Path(__file__).with_name("results")
README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- results -->", "<!-- /results -->"


def save(machine: Mapping[str, str], rows: Sequence[Row]) -> None:
    """Write the rows over those of the same benchmarks; others measured earlier stay."""
    path = FOLDER / f"{machine['machine'].replace(', ', '-').replace(' ', '-')}.json"
    measured = {row.benchmark for row in rows}
    earlier = [row for row in _recorded(path) if row.benchmark in set(ORDER) - measured]
    merged = [*earlier, *rows]
    merged.sort(key=lambda row: ORDER.index(row.benchmark))
    FOLDER.mkdir(exist_ok=True)
    record = {"machine": dict(machine), "rows": [asdict(row) for row in merged]}
    path.write_text(json.dumps(record, indent=1) + "\n")
    text = report(machine, merged)
    path.with_suffix(".md").write_text(text)
    _into_readme(text)


def report(machine: Mapping[str, str], rows: Sequence[Row]) -> str:
    """Return the table with a legend and the machine."""
    versions = ", ".join(f"{key} {value}" for key, value in machine.items() if key != "machine")
    counts = " or ".join(map(str, sorted({len(row.ours) for row in rows})))
    dates = sorted({row.date for row in rows})
    return f"""{table(rows)}

Each figure: the median (the minimum, the interquartile range) of {counts} alternating runs.
Ratio: this project's figure divided by the other one, for each round; the median of the rounds.
Measured {" to ".join(dict.fromkeys((dates[0], dates[-1])))} on {machine["machine"]}: {versions}.
"""


def _recorded(path: Path) -> list[Row]:
    if not path.exists():
        return []
    return [Row(**row) for row in json.loads(path.read_text())["rows"]]


def _into_readme(text: str) -> None:
    before, begin, rest = README.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    README.write_text(f"{before}{begin}\n{text}{end}{after}")
