"""Databases as old savers left them, with rows enough for an index build to take a while."""

from langgraph.checkpoint.postgres import PostgresSaver

from tests.support.postgres import Database

ROWS = 20_000
COLUMNS = {
    "checkpoints": "thread_id, checkpoint_ns, checkpoint_id, checkpoint, metadata",
    "checkpoint_blobs": "thread_id, checkpoint_ns, channel, version, type, blob",
    "checkpoint_writes": "thread_id, checkpoint_ns, checkpoint_id, task_id, idx, channel, blob",
}
INSERT = {
    "checkpoints": "thread_id, checkpoint_id, checkpoint) SELECT {thread}, n, '{{}}'",
    "checkpoint_blobs": "thread_id, channel, version, type, blob)"
    " SELECT {thread}, 'messages', n, 'bytes', 'x'",
    "checkpoint_writes": "thread_id, checkpoint_id, task_id, idx, channel, blob)"
    " SELECT {thread}, n, 'task', 0, 'messages', 'x'",
}
Rows = dict[str, tuple[object, ...] | None]
NO_ROWS: Rows = dict.fromkeys(COLUMNS, (0, None))


def make_history(database: Database, version: int, rows: int = ROWS) -> None:
    """Make what setup() of an old saver had made up to a version, and fill it."""
    database.execute(*PostgresSaver.MIGRATIONS[: version + 1])
    if version < 4:
        # The text of today leaves out what the old one of version 2 said.
        database.execute("ALTER TABLE checkpoint_blobs ALTER COLUMN blob SET NOT NULL")
    database.execute(
        f"INSERT INTO checkpoint_migrations SELECT generate_series(0, {version})",
        *(insertion(table, 1, rows) for table in INSERT),
        "VACUUM ANALYZE",
    )


def insertion(table: str, first: int, last: int) -> str:
    """Return the statement that adds rows of some numbers to a table."""
    values = INSERT[table].format(thread="md5((n / 10)::text)")
    return f"INSERT INTO {table} ({values} FROM generate_series({first}, {last}) AS n"


def rows_of(database: Database) -> Rows:
    """Return how many rows each table has and a sum over the columns every version has."""
    query = "SELECT count(*), sum(hashtextextended(({})::text, 0))::text FROM {}"
    with database.connect() as connection:
        return {
            table: connection.execute(query.format(columns, table).encode()).fetchone()
            for table, columns in COLUMNS.items()
        }
