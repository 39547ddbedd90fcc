"""Writes threads.json with the langgraph-checkpoint-postgres that PYTHONPATH holds."""

import inspect
import json
from pathlib import Path
from typing import Any

from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.postgres import PostgresSaver

SAVED = ("id", "channel_values", "channel_versions")


def _write(saver: Any, step: dict[str, Any]) -> None:
    place = {key: step[key] for key in ("thread_id", "checkpoint_ns")}
    # The release's own version of the format, but no time and no id that differ between runs.
    checkpoint = {**empty_checkpoint(), "ts": "2024-08-05T12:00:00+00:00"}
    checkpoint |= {key: step[key] for key in SAVED}
    saved = saver.put(
        {"configurable": {**place, "checkpoint_id": step["parent"]}},
        checkpoint,
        step["metadata"],
        step["new_versions"],
    )
    knows_path = "task_path" in inspect.signature(saver.put_writes).parameters
    for task in step["tasks"]:
        writes = [tuple(write) for write in task["writes"]]
        path = [task["path"]] if knows_path else []
        saver.put_writes(saved, writes, task["id"], *path)


# libpq finds the server in its usual variables.
with PostgresSaver.from_conn_string("") as opened:
    opened.setup()
    for one in json.loads(Path(__file__).with_name("threads.json").read_text()):
        _write(opened, one)
