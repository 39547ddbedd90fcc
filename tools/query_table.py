"""Writes docs/queries.md: the plans and the figures that the tests and the benchmark recorded."""

import json
from pathlib import Path
from typing import Any

from benchmarks.rows import Row, table

FOLDER = Path(__file__).parents[1] / "docs"
PAGE, TEXT, RECORDING = (FOLDER / name for name in ("queries.md", "queries.in.md", "queries.json"))
RESULTS = FOLDER.parent / "benchmarks" / "results"
STOCK, OPTIONAL = "as LangGraph makes it", "with both options"
Plans = list[dict[str, Any]]


def recorded() -> dict[str, Any]:
    """Return the machine, and the plans by profile and number of rows."""
    return json.loads(RECORDING.read_text())


def record(profile: str, rows: str, plans: Plans, facts: dict[str, Any]) -> None:
    """Keep the plans of one profile at one size and what is true of all sizes."""
    everything = recorded() if RECORDING.exists() else {}
    everything |= facts
    everything.setdefault("plans", {}).setdefault(profile, {})[rows] = plans
    RECORDING.write_text(json.dumps(everything, indent=1) + "\n")


def page() -> str:
    """Return the whole page: the text, and tables in its places."""
    seen = recorded()
    values = {
        "stock": _plans(seen["plans"][STOCK]),
        "optional": _differences(seen["plans"][STOCK], seen["plans"][OPTIONAL]),
        "latencies": _latencies(seen["get_tuple_ms"]),
        "server": seen["server"],
        "benchmark": _benchmark(),
    }
    text = TEXT.read_text()
    for name, value in values.items():
        text = text.replace("{{" + name + "}}", value)
    return text


def _plans(by_rows: dict[str, Plans]) -> str:
    sizes = list(by_rows)
    head = ["call", "statement", "reads through", *(f"rows read, {size}" for size in sizes)]
    merged = [{_key(plan): plan for plan in plans} for plans in by_rows.values()]
    rows = [
        [plan["call"], f"`{plan['statement']}`", _through(plan)]
        + [_count(plans.get(key)) for plans in merged]
        for key, plan in merged[-1].items()
    ]
    return _table(head, rows)


def _differences(stock: dict[str, Plans], optional: dict[str, Plans]) -> str:
    (size, before), (_, after) = list(stock.items())[-1], list(optional.items())[-1]
    old = {_key(plan): plan for plan in before}
    head = ["call", "statement", "reads through", f"rows read, {size}", "pages", "pages without"]
    rows = [
        [plan["call"], f"`{plan['statement']}`", _through(plan), _count(plan)]
        + [f"{item['buffers']:,}" for item in (plan, old[_key(plan)])]
        for plan in after
        if _through(plan) != _through(old[_key(plan)])
    ]
    return _table(head, rows)


def _latencies(by_rows: dict[str, float]) -> str:
    return ", ".join(f"{value:.2f} ms at {rows}" for rows, value in by_rows.items())


def _benchmark() -> str:
    tables: list[str] = []
    for path in sorted(RESULTS.glob("*.json")):
        result = json.loads(path.read_text())
        found = [row for row in result["rows"] if row["benchmark"] == "queries"]
        if found:
            tables.append(_measured(result["machine"], found))
    return "\n".join(tables).rstrip("\n")


def _measured(machine: dict[str, str], rows: Plans) -> str:
    described = [Row(**row) for row in rows]
    where = f"{machine['machine']} ({machine['CPU']}), PostgreSQL {machine['PostgreSQL']}"
    rounds = len(described[0].ours)
    return f"{table(described)}\n\nMeasured {described[0].date} on {where}, {rounds} rounds.\n"


def _key(plan: dict[str, Any]) -> tuple[str, str]:
    return plan["call"], plan["statement"]


def _through(plan: dict[str, Any]) -> str:
    whole = [f"**all of {table}**" for table in plan["whole_tables"]]
    return ", ".join(whole + [f"`{index}`" for index in plan["indexes"]])


def _count(plan: dict[str, Any] | None) -> str:
    return f"{plan['rows']:,}" if plan else ""


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(page())
