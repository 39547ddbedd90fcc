"""Every call of a real saver that sends statements, on a database full of equal threads."""

import hashlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langgraph.checkpoint.base import Checkpoint
from langgraph.checkpoint.base.id import uuid6
from langgraph.checkpoint.postgres import PostgresSaver

from tests.support.histories import settings
from tests.support.postgres import Database

ROWS = Path(__file__).with_name("threads.sql")
# What threads.sql writes for a thread.
STEPS, WRITES, BLOBS = 100, 400, 150


def fill(database: Database, threads: int) -> None:
    """Write so many threads of 100 checkpoints, 150 blobs and 400 writes."""
    done = database.run("psql", "-X", "-q", f"--set=threads={threads}", "-f", str(ROWS))
    assert done.returncode == 0, done.stderr


def thread_id(number: int) -> str:
    """Return the id that threads.sql gives to a thread."""
    return str(uuid.UUID(hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()))


@dataclass
class Subject:
    """A saver on a full database, and the next thread that it may delete."""

    database: Database
    saver: PostgresSaver
    next_to_delete: int

    def thread_to_delete(self) -> str:
        """Return another thread at each call."""
        self.next_to_delete += 1
        return thread_id(self.next_to_delete - 1)

    def ids(self, thread: str) -> list[str]:
        """Return a thread's checkpoints, the oldest first."""
        query = "SELECT array_agg(checkpoint_id ORDER BY checkpoint_id) FROM checkpoints"
        return self.database.value(f"{query} WHERE thread_id = '{thread}'")


READ, WRITTEN, OLD = thread_id(1), thread_id(2), thread_id(3)
FIRST_TO_DELETE, DELETED = 4, 8
RUN = {"run_id": "run-1-4"}


def _put(subject: Subject) -> None:
    version = f"{STEPS + 1:032}.0.5"
    checkpoint: Checkpoint = {
        "v": 4,
        "id": str(uuid6()),
        "ts": "2025-01-02T00:00:00+00:00",
        "channel_values": {"messages": ["hello"], "count": 1},
        "channel_versions": {"messages": version, "count": version},
        "versions_seen": {},
        "updated_channels": None,
    }
    at = settings(WRITTEN, "", subject.ids(WRITTEN)[-1])
    metadata: Any = {"source": "loop", "step": STEPS + 1, "parents": {}}
    subject.saver.put(at, checkpoint, metadata, {"messages": version, "count": version})


def _put_writes(channel: str) -> Callable[[Subject], None]:
    def call(subject: Subject) -> None:
        at = settings(WRITTEN, "", subject.ids(WRITTEN)[-1])
        subject.saver.put_writes(at, [(channel, "value")], str(uuid.uuid4()))

    return call


def _before_version_4(subject: Subject) -> None:
    older, newest = subject.ids(OLD)[-2:]
    subject.database.execute(
        "UPDATE checkpoints SET checkpoint = checkpoint || '{\"v\": 3}'"
        f" WHERE thread_id = '{OLD}' AND checkpoint_id = '{newest}'",
        "UPDATE checkpoint_writes SET channel = '__pregel_tasks', type = 'null', blob = ''"
        f" WHERE thread_id = '{OLD}' AND checkpoint_id = '{older}'",
    )
    assert subject.saver.get_tuple(settings(OLD))


def _get_newest(subject: Subject) -> None:
    assert subject.saver.get_tuple(settings(READ))


def _get_by_id(subject: Subject) -> None:
    assert subject.saver.get_tuple(settings(READ, "", subject.ids(READ)[STEPS // 2]))


def _list(count: int, thread: str | None, **arguments: Any) -> Callable[[Subject], None]:
    def call(subject: Subject) -> None:
        found = list(subject.saver.list(settings(thread) if thread else None, **arguments))
        assert len(found) == count

    return call


def _list_before(subject: Subject) -> None:
    before = settings(READ, "", subject.ids(READ)[STEPS // 2])
    assert len(list(subject.saver.list(settings(READ), before=before, limit=10))) == 10


def _history(subject: Subject) -> None:
    at = settings(READ, "", subject.ids(READ)[-1])
    assert subject.saver.get_delta_channel_history(config=at, channels=["messages", "absent"])


def _prune(strategy: str) -> Callable[[Subject], None]:
    def call(subject: Subject) -> None:
        threads = [subject.thread_to_delete() for _ in range(2)]
        subject.saver.prune(threads, strategy=strategy)

    return call


BY_METADATA = "list, a run by metadata"
EVERYTHING = "list, all threads, newest 10"
PRUNE = "prune, keep_latest"
CALLS: Mapping[str, Callable[[Subject], None]] = {
    "get_tuple, newest": _get_newest,
    "get_tuple, by id": _get_by_id,
    "get_tuple, from before version 4": _before_version_4,
    "put": _put,
    "put_writes": _put_writes("messages"),
    "put_writes, an error": _put_writes("__error__"),
    "list, a thread": _list(STEPS, READ),
    "list, a thread, newest 10": _list(10, READ, limit=10),
    "list, a thread, 10 before": _list_before,
    "list, a thread, by metadata": _list(10, READ, filter=RUN),
    BY_METADATA: _list(10, None, filter=RUN),
    EVERYTHING: _list(10, None, limit=10),
    "get_delta_channel_history": _history,
    PRUNE: _prune("keep_latest"),
    "prune, delete": _prune("delete"),
    "delete_thread": lambda it: it.saver.delete_thread(it.thread_to_delete()),
}
# What upstream itself has planned anew each time, since its arrays decide.
NEVER_GENERIC = {PRUNE}
