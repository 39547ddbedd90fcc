"""Writes supersteps as PostgresSaver does until told to end, then tells how long each call took.

It writes with the statements of a release that knows version 3: an application is upgraded after
its tables. Those of checkpoints and blobs are today's too.
"""

import random
import signal
import sys
import time
import uuid
from array import array
from itertools import count
from pathlib import Path

import psycopg
from langgraph.checkpoint.postgres.base import BasePostgresSaver
from psycopg.types.json import Jsonb

from benchmarks.reference import PEERS

PUT_BLOBS = BasePostgresSaver.UPSERT_CHECKPOINT_BLOBS_SQL.encode()
PUT_CHECKPOINT = BasePostgresSaver.UPSERT_CHECKPOINTS_SQL.encode()
PUT_WRITES = (PEERS / "live" / "put_writes.sql").read_bytes()
CHANNELS = ("messages", "branch:to:agent")
BLOB = bytes(range(200))
STEPS_A_THREAD = 100
WARM_STEPS = 100
# An agent waits for its model between two supersteps, much longer than this. Writers in step
# would meet at every superstep of a run, or at none.
PAUSE_SECONDS = (0.005, 0.015)


class Writer:
    """One application's connection, and when each of its calls began and ended."""

    def __init__(self, connection: psycopg.Connection) -> None:
        """Write through a connection that commits by itself."""
        self._connection = connection
        self._thread = self._checkpoint = ""
        self.calls = array("d")

    def superstep(self, number: int) -> None:
        """Call put() and put_writes() once, on a new thread from time to time."""
        if number % STEPS_A_THREAD == 0:
            self._thread, self._checkpoint = str(uuid.uuid4()), ""
        parent, self._checkpoint = self._checkpoint, str(uuid.uuid4())
        began = time.monotonic()
        self._put(number, parent)
        between = time.monotonic()
        self._put_writes()
        self.calls.extend((began, between, between, time.monotonic()))

    def _put(self, number: int, parent: str) -> None:
        version = f"{number:032}.0.243798848838515"
        blobs = [(self._thread, "", channel, version, "msgpack", BLOB) for channel in CHANNELS]
        versions = dict.fromkeys(CHANNELS, version)
        checkpoint = {"v": 4, "id": self._checkpoint, "channel_versions": versions}
        metadata = {"source": "loop", "step": number % STEPS_A_THREAD}
        values = (
            *(self._thread, "", self._checkpoint, parent or None),
            *(Jsonb(checkpoint), Jsonb(metadata)),
        )
        with self._connection.pipeline(), self._connection.cursor(binary=True) as cursor:
            cursor.executemany(PUT_BLOBS, blobs)
            cursor.execute(PUT_CHECKPOINT, values)

    def _put_writes(self) -> None:
        task = str(uuid.uuid4())
        writes = [
            (self._thread, "", self._checkpoint, task, index, channel, "msgpack", BLOB)
            for index, channel in enumerate(CHANNELS)
        ]
        with self._connection.pipeline(), self._connection.cursor(binary=True) as cursor:
            cursor.executemany(PUT_WRITES, writes)


def main() -> None:
    """Write until SIGTERM; the only argument is the file for the calls."""
    # Taken between two supersteps: a handler could come while the pause holds a lock that it needs.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    with psycopg.connect("", autocommit=True, prepare_threshold=0) as connection:
        writer = Writer(connection)
        for number in count():
            writer.superstep(number)
            if number == WARM_STEPS:
                print("warm", flush=True)
            pause = random.uniform(*PAUSE_SECONDS)  # noqa: S311 -- guards nothing
            if signal.sigtimedwait({signal.SIGTERM}, pause):
                break
    with Path(sys.argv[1]).open("wb") as file:
        writer.calls.tofile(file)


if __name__ == "__main__":
    main()
