"""What must hold for every plan, whatever the tables hold."""

from collections.abc import Iterable
from typing import Any

from tests.support.plans import Statement
from tests.support.saver_calls import BLOBS, BY_METADATA, CALLS, EVERYTHING, PRUNE, STEPS, WRITES

# One checkpoint, its writes, and its blobs, for which the server reads all those of the thread.
ONE = BLOBS + 10
# The most that one statement may read from the tables, whatever these hold.
MOST_ROWS = {
    **dict.fromkeys(CALLS, ONE),
    **dict.fromkeys(("put", "put_writes", "put_writes, an error"), 10),
    "get_tuple, from before version 4": WRITES + 10,
    "list, a thread": STEPS * ONE,
    **{call: 10 * ONE + STEPS for call in CALLS if call.startswith("list, a thread, ")},
    BY_METADATA: 10 * ONE,
    "get_delta_channel_history": WRITES + BLOBS,
    **dict.fromkeys((PRUNE, "prune, delete"), 2 * WRITES + BLOBS),
    "delete_thread": WRITES,
}
# An index is a few pages deep, and a page that is written to is visited again.
BUFFERS_A_ROW, MOST_BUFFERS_TO_WRITE = 3, 100
# What a call may read whole: no index of LangGraph's holds metadata or leads with checkpoint_id.
READ_WHOLE = {EVERYTHING: {"checkpoints"}}
READ_WHOLE_WITHOUT_GIN = READ_WHOLE | {BY_METADATA: {"checkpoints"}}


def merged(statements: Iterable[Statement]) -> list[dict[str, Any]]:
    """Return each statement of a call once: every index that it used, the most that it read."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for item in statements:
        seen = found.setdefault(
            (item.call, item.name),
            {"call": item.call, "statement": item.name, "indexes": [], "whole_tables": []}
            | {"rows": 0, "buffers": 0},
        )
        seen["indexes"] = sorted({*seen["indexes"], *item.indexes})
        seen["whole_tables"] = sorted({*seen["whole_tables"], *item.whole_tables})
        seen["rows"] = max(seen["rows"], item.rows)
        seen["buffers"] = max(seen["buffers"], item.buffers)
    return list(found.values())


def problems(
    plans: Iterable[dict[str, Any]], whole: dict[str, set[str]], indexes: set[str]
) -> list[str]:
    """Return what breaks a rule: a whole table, an index not named here, too many rows or pages."""
    return [
        f"{plan['call']}, {plan['statement']}: {problem}"
        for plan in plans
        for problem in _problems(plan, whole.get(plan["call"], set()), indexes)
    ]


def _problems(plan: dict[str, Any], whole: set[str], indexes: set[str]) -> Iterable[str]:
    found = set(plan["whole_tables"])
    if found - whole:
        yield f"expected to read no table whole, found {', '.join(sorted(found - whole))}"
    if strange := set(plan["indexes"]) - indexes:
        yield f"expected one of {sorted(indexes)}, found {sorted(strange)}"
    if found:
        return
    most = MOST_ROWS[plan["call"]]
    if plan["rows"] > most:
        yield f"expected at most {most} rows, found {plan['rows']}"
    if plan["buffers"] > most * BUFFERS_A_ROW + MOST_BUFFERS_TO_WRITE:
        yield f"expected at most {BUFFERS_A_ROW} pages a row, found {plan['buffers']}"
