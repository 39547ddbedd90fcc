"""Has a real saver make its calls and reads the plans by which the server ran its statements."""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from langgraph.checkpoint.postgres import PostgresSaver, base
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from psycopg.errors import Diagnostic

from tests.support.postgres import Database
from tests.support.saver_calls import CALLS, FIRST_TO_DELETE, NEVER_GENERIC, Subject

EXPLAIN = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_buffers": "on",
    "auto_explain.log_format": "json",
    # So that plans come to the saver's own connection.
    "auto_explain.log_level": "notice",
}
SEQ_SCAN = "Seq Scan"
REMOVED = ("Rows Removed by Filter", "Rows Removed by Index Recheck")


@dataclass(frozen=True)
class Statement:
    """One statement of one call: what it read, through what, and how much of it."""

    call: str
    name: str
    indexes: frozenset[str]
    whole_tables: frozenset[str]
    rows: int
    buffers: int


def statements(
    database: Database, only: Collection[str] = tuple(CALLS), first_to_delete: int = FIRST_TO_DELETE
) -> list[Statement]:
    """Make the calls and return what the server ran, in order.

    All are made twice, the second time with the plans that prepared statements may get after five
    executions; eight threads are deleted or pruned.
    """
    every = [call for call in CALLS if call in only]
    reusable = [call for call in every if call not in NEVER_GENERIC]
    return [
        *_statements(database, every, "force_custom_plan", first_to_delete),
        *_statements(database, reusable, "force_generic_plan", first_to_delete + 5),
    ]


def _statements(
    database: Database, calls: Collection[str], mode: str, first_to_delete: int
) -> list[Statement]:
    options = " ".join(f"-c {key}={value}" for key, value in EXPLAIN.items())
    conninfo = make_conninfo(
        database.server.conninfo(database.name), options=f"{options} -c plan_cache_mode={mode}"
    )
    with PostgresSaver.from_conn_string(conninfo) as saver:
        assert isinstance(saver.conn, Connection)
        explained: list[dict[str, Any]] = []
        saver.conn.add_notice_handler(lambda it: _collect(it, explained))
        subject = Subject(database, saver, first_to_delete)
        return list(_called(subject, calls, explained))


def _called(
    subject: Subject, calls: Collection[str], explained: list[dict[str, Any]]
) -> Iterator[Statement]:
    for call in calls:
        explained.clear()
        CALLS[call](subject)
        assert explained, f"{call}: expected plans from auto_explain, found none"
        yield from (_statement(call, found) for found in explained)


def _collect(notice: Diagnostic, into: list[dict[str, Any]]) -> None:
    _, found, plan = (notice.message_primary or "").partition("plan:\n")
    if found:
        into.append(json.loads(plan))


def _statement(call: str, explained: dict[str, Any]) -> Statement:
    nodes = list(_nodes(explained["Plan"]))
    indexes = {node["Index Name"] for node in nodes if "Index Name" in node}
    for node in nodes:
        indexes |= set(node.get("Conflict Arbiter Indexes", ()))
    return Statement(
        call,
        _statement_name(explained["Query Text"]),
        frozenset(indexes),
        frozenset(node["Relation Name"] for node in nodes if node["Node Type"] == SEQ_SCAN),
        sum(_read(node) for node in nodes),
        sum(explained["Plan"][f"Shared {kind} Blocks"] for kind in ("Hit", "Read")),
    )


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def _read(node: dict[str, Any]) -> int:
    """Return the rows that a node read from a table, used or not; a bitmap's are its index's."""
    if "Index Name" not in node and node["Node Type"] != SEQ_SCAN:
        return 0
    each = node["Actual Rows"] + sum(node.get(key, 0) for key in REMOVED)
    return round(each * node["Actual Loops"])


def _statement_name(text: str) -> str:
    """Return upstream's name of a statement, or a short statement itself."""
    words = _words(text)
    for name, known in _named():
        if words == known or (name == "SELECT_SQL" and words.startswith(known)):
            return name
    return words if len(words) < 80 else f"{words[:79]}…"


def _named() -> Iterator[tuple[str, str]]:
    for name, value in vars(base).items():
        if name.endswith("_SQL"):
            for text in value if isinstance(value, tuple) else (value,):
                yield name, _words(text)


def _words(text: str) -> str:
    return " ".join(re.sub(r"\$\d+|%s", "?", text).rstrip("; \n").split())
