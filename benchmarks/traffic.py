"""An application's traffic while a migration runs: writers, a slow reader, and their delays."""

import subprocess
import sys
import threading
import time
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.commands import python_environment
from benchmarks.errors import BenchmarkError
from devstack.layout import ROOT
from tests.support.postgres import Database

WRITERS = 3
READER_SECONDS = 8.0
LOOK_SECONDS = 0.02
READ = (
    b"SELECT FROM checkpoints LIMIT 1",
    b"SELECT FROM checkpoint_blobs LIMIT 1",
    b"SELECT FROM checkpoint_writes LIMIT 1",
)
BUILDING = b"SELECT EXISTS (SELECT FROM pg_stat_progress_create_index WHERE datname = %s)"


@dataclass(frozen=True)
class Call:
    """One call of a writer, by the clock that all processes share."""

    began: float
    ended: float

    @property
    def seconds(self) -> float:
        """Return how long the writer waited."""
        return self.ended - self.began

    def is_within(self, spans: Sequence[tuple[float, float]]) -> bool:
        """Tell whether the middle of the call lies in one of the spans."""
        middle = (self.began + self.ended) / 2
        return any(start <= middle <= end for start, end in spans)


@contextmanager
def writers(variables: Mapping[str, str], scratch: Path) -> Iterator[list[Call]]:
    """Write for as long as the block takes; the list holds the calls afterwards.

    Raises:
        BenchmarkError: a writer failed, which no migration may cause.
    """
    calls: list[Call] = []
    files = [scratch / f"calls-{number}" for number in range(WRITERS)]
    with ExitStack() as stack:
        processes = [stack.enter_context(_writer(variables, file)) for file in files]
        for process in processes:
            if not process.stdout or "warm" not in process.stdout.readline():
                _fail(process)
        yield calls
        for process in processes:
            process.terminate()
        for process, file in zip(processes, files, strict=True):
            if process.wait():
                _fail(process)
            times = array("d")
            times.frombytes(file.read_bytes())
            calls += map(Call, times[::2], times[1::2])


@contextmanager
def reader(database: Database) -> Iterator[None]:
    """Hold a transaction that has read every table, from the block's start for eight seconds."""
    left = threading.Event()
    with database.connect() as connection:
        connection.autocommit = False
        for query in READ:
            connection.execute(query)
        deadline = time.monotonic() + READER_SECONDS

        def leave() -> None:
            left.wait(deadline - time.monotonic())
            connection.commit()

        thread = threading.Thread(target=leave)
        thread.start()
        try:
            yield
        finally:
            left.set()
            thread.join()


@contextmanager
def index_builds(database: Database) -> Iterator[list[tuple[float, float]]]:
    """Watch the server; the list holds the spans in which it built an index."""
    spans: list[tuple[float, float]] = []
    ended = threading.Event()

    def watch(connection: psycopg.Connection) -> None:
        began: float | None = None
        while not ended.wait(LOOK_SECONDS):
            row = connection.execute(BUILDING, [database.name]).fetchone()
            now, building = time.monotonic(), bool(row and row[0])
            if building and began is None:
                began = now
            if not building and began is not None:
                spans.append((began, now))
                began = None
        if began is not None:
            spans.append((began, time.monotonic()))

    with database.connect() as connection:
        thread = threading.Thread(target=watch, args=[connection])
        thread.start()
        try:
            yield spans
        finally:
            ended.set()
            thread.join()


@contextmanager
def _writer(variables: Mapping[str, str], file: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.writer", file],
        cwd=ROOT,
        env={**python_environment(), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            process.terminate()


def _fail(process: subprocess.Popen[str]) -> None:
    process.terminate()
    _, errors = process.communicate()
    message = f"a writer failed: {errors.strip()[-1000:]}"
    raise BenchmarkError(message)
