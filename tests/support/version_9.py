"""LangGraph's version 9 as plain data, written down once more so that tests compare two sources."""

COLUMNS = {
    "checkpoint_migrations": {"v": "integer NOT NULL"},
    "checkpoints": {
        "thread_id": "text NOT NULL",
        "checkpoint_ns": "text NOT NULL DEFAULT ''",
        "checkpoint_id": "text NOT NULL",
        "parent_checkpoint_id": "text",
        "type": "text",
        "checkpoint": "jsonb NOT NULL",
        "metadata": "jsonb NOT NULL DEFAULT '{}'",
    },
    "checkpoint_blobs": {
        "thread_id": "text NOT NULL",
        "checkpoint_ns": "text NOT NULL DEFAULT ''",
        "channel": "text NOT NULL",
        "version": "text NOT NULL",
        "type": "text NOT NULL",
        "blob": "bytea",
    },
    "checkpoint_writes": {
        "thread_id": "text NOT NULL",
        "checkpoint_ns": "text NOT NULL DEFAULT ''",
        "checkpoint_id": "text NOT NULL",
        "task_id": "text NOT NULL",
        "idx": "integer NOT NULL",
        "channel": "text NOT NULL",
        "type": "text",
        "blob": "bytea NOT NULL",
        "task_path": "text NOT NULL DEFAULT ''",
    },
}
KEYS = {
    "checkpoint_migrations": ["v"],
    "checkpoints": ["thread_id", "checkpoint_ns", "checkpoint_id"],
    "checkpoint_blobs": ["thread_id", "checkpoint_ns", "channel", "version"],
    "checkpoint_writes": ["thread_id", "checkpoint_ns", "checkpoint_id", "task_id", "idx"],
}
TABLES = [*COLUMNS]
INDEXED = TABLES[1:]
EVERY_COLUMN = [
    (table, column, definition)
    for table, columns in COLUMNS.items()
    for column, definition in columns.items()
]
