"""Prunes the idle threads with LangGraph's own method; it has no notion of an age."""

import sys

from langgraph.checkpoint.postgres import PostgresSaver


def main() -> None:
    """Prune every thread of the database whose name begins with "idle-"."""
    with PostgresSaver.from_conn_string("") as saver:
        query = b"SELECT DISTINCT thread_id FROM checkpoints WHERE thread_id LIKE 'idle-%'"
        with saver._cursor() as cursor:
            threads = [row["thread_id"] for row in cursor.execute(query)]
        print("pruning", flush=True)
        saver.prune(threads)


if __name__ == "__main__":
    sys.exit(main())
