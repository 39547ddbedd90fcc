"""What a service does with a saver from its start on, sync and async; prints what it saw.

A released saver runs it in a process of its own, hence nothing here but the standard library and
what every release since 2.0 has.
"""

import asyncio
import json
from typing import Any

from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

# Empty, so that libpq finds the server in its usual variables.
CONNECTION = ""


def _parts(thread: str) -> tuple[Any, Any, Any]:
    config = {"configurable": {"thread_id": thread, "checkpoint_ns": ""}}
    versions = {"messages": "1"}
    values = {"channel_values": {"messages": ["hello"]}, "channel_versions": versions}
    return config, {**empty_checkpoint(), **values}, versions


def _saw(found: Any, listed: list[Any], left: Any) -> list[Any]:
    values = found.checkpoint["channel_values"]
    return [values, [list(write) for write in found.pending_writes], len(listed), left is None]


def use(connection: str = CONNECTION) -> list[Any]:
    """Open a saver and run it."""
    with PostgresSaver.from_conn_string(connection) as saver:
        return run(saver)


def run(saver: PostgresSaver) -> list[Any]:
    """Set up twice, as two replicas do, then put, get, list and delete."""
    saver.setup()
    saver.setup()
    config, checkpoint, versions = _parts("sync")
    saved = saver.put(config, checkpoint, {"step": 1}, versions)  # pyright: ignore
    saver.put_writes(saved, [("messages", "more")], "task")
    found, listed = saver.get_tuple(saved), list(saver.list(config))
    _delete(saver, "sync")
    return _saw(found, listed, saver.get_tuple(saved))


async def use_async(connection: str = CONNECTION) -> list[Any]:
    """Do the same with the asynchronous saver."""
    async with AsyncPostgresSaver.from_conn_string(connection) as saver:
        await saver.setup()
        await saver.setup()
        config, checkpoint, versions = _parts("async")
        saved = await saver.aput(config, checkpoint, {"step": 1}, versions)  # pyright: ignore
        await saver.aput_writes(saved, [("messages", "more")], "task")
        found, listed = await saver.aget_tuple(saved), [x async for x in saver.alist(config)]
        with PostgresSaver.from_conn_string(connection) as sync_saver:
            _delete(sync_saver, "async")
        return _saw(found, listed, await saver.aget_tuple(saved))


def _delete(saver: PostgresSaver, thread: str) -> None:
    if hasattr(saver, "delete_thread"):
        saver.delete_thread(thread)
        return
    # The first releases of 2.0 leave that to the service.
    for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes"):
        saver.conn.execute(f"DELETE FROM {table} WHERE thread_id = %s", [thread])  # pyright: ignore


SEEN: list[Any] = [{"messages": ["hello"]}, [["task", "messages", "more"]], 1, True]

if __name__ == "__main__":
    print(json.dumps([use(), asyncio.run(use_async())]))
