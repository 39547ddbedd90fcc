"""Writes threads as LangGraph's saver does, of any age, with all that a history may hold."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import Checkpoint, CheckpointTuple
from langgraph.checkpoint.base.id import uuid6
from langgraph.checkpoint.postgres import PostgresSaver

from tests.support.postgres import Database

TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
_UUID_EPOCH = datetime(1582, 10, 15, tzinfo=UTC)
_STEP = timedelta(seconds=1)
SENDS = """UPDATE checkpoints SET checkpoint = checkpoint || '{{"v": 3}}'
    WHERE thread_id = '{0}' AND checkpoint_ns = '' AND checkpoint_id = '{1}'"""


def uuid6_at(when: datetime, random: Random) -> str:
    """Return a checkpoint's id of a time, as LangGraph makes one of the present."""
    ticks = (when - _UUID_EPOCH) // timedelta(microseconds=1) * 10
    number = (ticks >> 12) << 80 | 6 << 76 | (ticks & 0xFFF) << 64
    return str(uuid.UUID(int=number | 0b10 << 62 | random.getrandbits(62)))


@contextmanager
def saver_of(database: Database) -> Iterator[PostgresSaver]:
    with PostgresSaver.from_conn_string(database.server.conninfo(database.name)) as saver:
        yield saver


def rows_of(database: Database) -> dict[str, list[str]]:
    """Return every row of the three tables as text, sorted."""
    with database.connect() as connection:
        return {
            table: [
                row
                for (row,) in connection.execute(
                    f"SELECT t::text FROM {table} AS t ORDER BY t::text".encode()
                )
            ]
            for table in TABLES
        }


def settings(thread: str, ns: str = "", checkpoint: str | None = None) -> RunnableConfig:
    named = {"checkpoint_id": checkpoint} if checkpoint else {}
    return {"configurable": {"thread_id": thread, "checkpoint_ns": ns, **named}}


@dataclass
class History:
    """One thread that grows as its graph runs; its newest checkpoint is `days` old."""

    saver: PostgresSaver
    thread: str
    days: float
    seed: int = 1
    heads: dict[str, Checkpoint] = field(default_factory=dict)
    ids: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)  # noqa: S311 -- chooses test data
        self._next = datetime.now(UTC) - timedelta(days=self.days, hours=1)
        self._version = 0

    def put(
        self,
        ns: str = "",
        *,
        root: str | None = None,
        fork: bool = False,
        values: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
        id_: str | None = None,
    ) -> str:
        """Save one more checkpoint, after the namespace's newest or, a fork, any older one."""
        ids = self.ids.setdefault(ns, [])
        parent: Checkpoint | None = self.heads.get(ns)
        if fork and ids:
            found = self.saver.get_tuple(settings(self.thread, ns, self.random.choice(ids)))
            parent = found.checkpoint if found else parent
        if values is None:
            values = self._values()
        self._version += 1
        version = f"{self._version:032}.{self.random.random():016}"
        versions = {
            **(parent["channel_versions"] if parent else {}),
            **dict.fromkeys(values, version),
        }
        self._next += _STEP
        checkpoint: Checkpoint = {
            "v": 4,
            "id": id_ or uuid6_at(self._next, self.random),
            "ts": self._next.isoformat(),
            "channel_values": {**(parent["channel_values"] if parent else {}), **values},
            "channel_versions": versions,
            "versions_seen": {},
            "updated_channels": None,
        }
        self.saver.put(
            settings(self.thread, ns, parent["id"] if parent else None),
            checkpoint,
            {"source": "loop", "step": len(ids), "parents": {"": root} if root else {}}
            | (metadata or {}),  # pyright: ignore[reportArgumentType]
            dict.fromkeys(values, version),
        )
        self.heads[ns] = checkpoint
        ids.append(checkpoint["id"])
        return checkpoint["id"]

    def put_writes(self, ns: str = "", checkpoint: str | None = None, tasks: int = 1) -> None:
        """Save a superstep's writes, of the newest checkpoint unless told of another."""
        config = settings(self.thread, ns, checkpoint or self.ids[ns][-1])
        for _ in range(tasks):
            task = str(uuid.UUID(int=self.random.getrandbits(128)))
            self.saver.put_writes(config, [("messages", ["w"]), ("doc", {"w": 1})], task)

    def steps(self, count: int, ns: str = "", *, root: str | None = None) -> None:
        for _ in range(count):
            self.put(ns, root=root, fork=self.random.random() < 0.15)
            if self.random.random() < 0.7:
                self.put_writes(ns, tasks=self.random.randint(1, 2))

    def call(self, root: str | None, *, nested: bool = False) -> None:
        """Save a subgraph call, started from a checkpoint of the root graph."""
        ns = f"agent:{uuid.UUID(int=self.random.getrandbits(128))}"
        self.steps(self.random.randint(1, 3), ns, root=root)
        if nested:
            inner = f"{ns}|tool:{uuid.UUID(int=self.random.getrandbits(128))}"
            self.steps(self.random.randint(1, 2), inner, root=root)

    def send_from_before_version_4(self) -> None:
        """Make the newest checkpoint one that reads its pending sends from its parent."""
        parent = self.heads[""]["id"]
        self.saver.put_writes(
            settings(self.thread, "", parent), [("__pregel_tasks", "send")], str(uuid.uuid4())
        )
        self.put()
        self._execute(SENDS.format(self.thread, self.ids[""][-1]))

    def _values(self) -> dict[str, Any]:
        number = self._version
        possible: dict[str, Any] = {
            "messages": [f"message {number}"] * 3,
            "doc": {"text": number},
            "count": number,
            "done": True,
            "none": None,
        }
        names = self.random.sample(sorted(possible), self.random.randint(1, 3))
        return {name: possible[name] for name in names}

    def _execute(self, statement: str) -> None:
        with self.saver._cursor() as cursor:
            cursor.execute(statement.encode())


def grow(saver: PostgresSaver, thread: str, days: float, seed: int) -> History:
    """Write a thread with everything that a history may hold; the seed chooses."""
    history = History(saver, thread, days, seed)
    random = history.random
    for _ in range(random.randint(2, 5)):
        history.steps(random.randint(1, 3))
        if random.random() < 0.6:
            history.call(random.choice(history.ids[""]), nested=random.random() < 0.5)
        if random.random() < 0.4:
            history.steps(2, "memory", root=history.ids[""][-1])
    if random.random() < 0.3:
        history.call(uuid6_at(datetime.now(UTC) - timedelta(days=days), random))
    if random.random() < 0.3:
        history.send_from_before_version_4()
    if random.random() < 0.5:
        history.call(history.ids[""][-1], nested=True)
    history.put_writes()
    history.put_writes(checkpoint=uuid6_at(datetime.now(UTC) - timedelta(days=days), random))
    return history


def everything(saver: PostgresSaver) -> dict[tuple[str, str, str], CheckpointTuple]:
    """Return every checkpoint as it loads, by thread, namespace and id."""
    listed = [item.config.get("configurable", {}) for item in saver.list(None)]
    keys = [(at["thread_id"], at["checkpoint_ns"], at["checkpoint_id"]) for at in listed]
    found = {key: saver.get_tuple(settings(*key)) for key in keys}
    return {key: item for key, item in found.items() if item}


def read(saver: PostgresSaver, thread: str) -> Checkpoint:
    """Read what a run of the graph starts from."""
    found = saver.get_tuple(settings(thread))
    assert found, thread
    # A saver makes up this channel for a checkpoint from before version 4, where no blob holds it.
    found.checkpoint["channel_values"].pop("__pregel_tasks", None)
    found.checkpoint["channel_versions"].pop("__pregel_tasks", None)
    return found.checkpoint


def resume(saver: PostgresSaver, thread: str, start: Checkpoint, message: str) -> Checkpoint:
    """Save what a run makes of the checkpoint it started from: one channel is new."""
    number, _, _ = str(start["channel_versions"].get("messages", "0")).partition(".")
    version = f"{int(number) + 1000:032}.0"
    checkpoint = start.copy()
    checkpoint["v"] = 4
    checkpoint["id"] = str(uuid6())
    checkpoint["channel_values"] = {**start["channel_values"], "messages": [message]}
    checkpoint["channel_versions"] = {**start["channel_versions"], "messages": version}
    saver.put(
        settings(thread, "", start["id"]),
        checkpoint,
        {"source": "loop", "step": 1, "parents": {}},
        {"messages": version},
    )
    saver.put_writes(settings(thread, "", checkpoint["id"]), [("doc", message)], str(uuid6()))
    return checkpoint
