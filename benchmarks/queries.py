"""What the two options gain and cost: a GIN index on metadata, no indexes on thread_id alone."""

import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from langgraph.checkpoint.base import Checkpoint
from langgraph.checkpoint.base.id import uuid6
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg.conninfo import make_conninfo

from benchmarks import migrators
from benchmarks.commands import run
from benchmarks.database import server, variables
from benchmarks.rounds import Rounds, alternate, progress
from benchmarks.rows import Row, against_each
from devstack.layout import ROOT
from tests.support.histories import TABLES, settings
from tests.support.postgres import Database, Server
from tests.support.saver_calls import READ, ROWS, RUN

STOCK, GIN, LEAN = "LangGraph's own", "GIN index", "no thread_id indexes"
SCRIPTS = {GIN: "create_metadata_index.sql", LEAN: "drop_thread_id_indexes.sql"}
# A million writes, 375 k blobs and 250 k checkpoints.
THREADS = 2_500
SUPERSTEPS, STEPS_A_THREAD, READS, LISTS, DELETES = 2_000, 100, 200, 10, 20
SETTINGS = {
    "shared_buffers": "1GB",
    "max_wal_size": "4GB",
    "autovacuum": "off",
    "shared_preload_libraries": "pg_stat_statements",
}
IN_SERVER = """SELECT coalesce(sum(total_exec_time), 0) FROM pg_stat_statements AS s
JOIN pg_database AS d ON d.oid = s.dbid AND d.datname = current_database()
WHERE ltrim(query, E' \\n') LIKE 'INSERT%'"""
# Half of a commit is the disk, which many clients share and one alone waits for.
OPTIONS = "-c synchronous_commit=off"
GIN_GOALS = {"list": 0.1}
# 15 % more a second, 14 % less to the log, and no call slower than by a tenth.
LEAN_GOALS = {"server": 1 / 1.15, "wal": 0.86, "get": 1.1, "list_thread": 1.1, "delete": 1.1}
WHAT = {
    "list": ("list(filter={'run_id': …}), 10 found", "ms"),
    "superstep": ("put() and put_writes()", "ms"),
    "server": ("of it, in the server", "ms"),
    "wal": ("of it, write-ahead log", "B"),
    "get": ("get_tuple(), newest", "ms"),
    "list_thread": ("list() of a thread, newest 10", "ms"),
    "delete": ("delete_thread()", "ms"),
    "megabytes": ("tables and indexes", "MB"),
    "indexes": ("of them, indexes", "MB"),
}


@dataclass(frozen=True)
class Side:
    """One database, with the connection of its application."""

    database: Database
    saver: PostgresSaver

    def measure(self) -> dict[str, float]:
        """Write supersteps, read and delete; return how long each took and what it left."""
        threads = [str(uuid.uuid4()) for _ in range(SUPERSTEPS // STEPS_A_THREAD)]
        before, server_before = self._wal(), self._in_server()
        seconds = _seconds(lambda: [self._grow(thread) for thread in threads])
        found = {
            "superstep": 1e3 * seconds / SUPERSTEPS,
            "server": (self._in_server() - server_before) / SUPERSTEPS,
            "wal": (self._wal() - before) / SUPERSTEPS,
            "list": _median(LISTS, lambda _: list(self.saver.list(None, filter=RUN))),
            "list_thread": _median(READS, lambda _: list(self.saver.list(_READ, limit=10))),
            "get": _median(READS, lambda n: self.saver.get_tuple(settings(threads[n % 20]))),
            "delete": _median(DELETES, lambda n: self.saver.delete_thread(threads[n])),
            "megabytes": self._bytes("pg_total_relation_size") / 1e6,
            "indexes": self._bytes("pg_indexes_size") / 1e6,
        }
        progress(", ".join(f"{key} {value:.2f}" for key, value in found.items()))
        return found

    def _grow(self, thread: str) -> None:
        at, run_id = settings(thread), str(uuid.uuid4())
        for step in range(STEPS_A_THREAD):
            version = f"{step:032}.0.243798848838515"
            channels = ("messages", "documents")
            versions = dict.fromkeys((*channels, "count"), version)
            checkpoint: Checkpoint = {
                "v": 4,
                "id": str(uuid6()),
                "ts": "2025-01-01T00:00:00+00:00",
                "channel_values": {key: ["x" * 200] for key in channels} | {"count": step},
                "channel_versions": {**versions},
                "versions_seen": {},
                "updated_channels": None,
            }
            metadata: Any = {"source": "loop", "step": step, "parents": {}, "run_id": run_id}
            at = self.saver.put(at, checkpoint, metadata, {**versions})
            writes = [("messages", "y" * 100)] * 4
            self.saver.put_writes(at, writes, str(uuid.uuid4()))

    def _wal(self) -> int:
        return int(self.database.value("SELECT pg_current_wal_insert_lsn() - '0/0'"))

    def _in_server(self) -> float:
        return float(self.database.value(IN_SERVER))

    def _bytes(self, function: str) -> int:
        return sum(self.database.value(f"SELECT {function}('{table}')") for table in TABLES)


_READ = settings(READ)


def _seconds(call: Callable[[], object]) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began


def _median(count: int, call: Callable[[int], object]) -> float:
    times = [_seconds(lambda number=number: call(number)) for number in range(count)]
    return 1e3 * statistics.median(times)


class _Bench:
    """The server with one database a side, all equal but for their indexes."""

    def __init__(self, database_server: Server, stack: ExitStack) -> None:
        template = database_server.create_database()
        migrators.setup().run(variables(template))
        template.execute("CREATE EXTENSION pg_stat_statements")
        progress(f"writing {THREADS} threads of 100 checkpoints")
        self._psql(template, f"--set=threads={THREADS}", f"--file={ROWS}")
        self.sides: dict[str, Side] = {}
        self.seconds: dict[str, float] = {}
        for name in (STOCK, *SCRIPTS):
            options = "STRATEGY FILE_COPY"
            database = database_server.create_database(template.name, options)
            if script := SCRIPTS.get(name):
                path = ROOT / "migrations" / "optional" / script
                self.seconds[name] = self._psql(database, f"--file={path}")
            conninfo = make_conninfo(
                database_server.conninfo(database.name), sslmode="disable", options=OPTIONS
            )
            saver = stack.enter_context(PostgresSaver.from_conn_string(conninfo))
            self.sides[name] = Side(database, saver)
        database_server.execute("CHECKPOINT")

    def _psql(self, database: Database, *arguments: str) -> float:
        command = ("psql", "--no-psqlrc", "--quiet", *arguments)
        return run(*command, environ=variables(database)).seconds


def measure(rounds: Rounds) -> list[Row]:
    """Measure every side in turns.

    Raises:
        BenchmarkError: a file could not be run.
    """
    with server(**SETTINGS) as started, ExitStack() as stack:
        bench = _Bench(started, stack)
        sides = {name: side.measure for name, side in bench.sides.items()}
        samples = alternate(sides, rounds.long)
        return list(_table(samples, bench.seconds))


def _table(samples: dict[str, list[dict[str, float]]], seconds: dict[str, float]) -> Iterator[Row]:
    for side, keys, goals in (
        (GIN, ("list", "superstep", "server", "wal", "megabytes", "indexes"), GIN_GOALS),
        (LEAN, [key for key in WHAT if key != "list"], LEAN_GOALS),
    ):
        compared = {side: samples[side], STOCK: samples[STOCK]}
        for key in keys:
            what, unit = WHAT[key]
            yield from against_each(
                *("queries", f"{side}: {what}", compared, lambda it, key=key: it[key]),
                {STOCK: goals[key]} if key in goals else {},
                unit=unit,
            )
        what = f"{side}: {SCRIPTS[side]}"
        yield Row(benchmark="queries", what=what, unit="s", ours=[seconds[side]])
