"""The PostgreSQL server that migrations are measured on: durable, and used by nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.errors import BenchmarkError
from tests.support.postgres import Database, Server

ADDRESS = "127.0.0.1"
SETTINGS = {"fsync": "on", "shared_buffers": "128MB"}


def server(**settings: str) -> Server:
    """Return a server that writes to disk as one in production does, not yet started."""
    return Server(settings={**SETTINGS, **settings})


def variables(database: Database) -> dict[str, str]:
    """Return libpq's variables of a database, for a plain TCP connection that is tried once.

    TLS is off for all sides alike: not every tool reads the same certificates.
    """
    own = database.server.env(database.name)
    return {**own, "PGHOST": ADDRESS, "PGSSLMODE": "disable"}


@contextmanager
def new_database(
    server: Server, template: str = "template0", options: str = ""
) -> Iterator[Database]:
    """Make a database and checkpoint, so that no side pays for what another one wrote."""
    database = server.create_database(template, options)
    try:
        server.execute("CHECKPOINT")
        yield database
    finally:
        database.drop()


def checkpoint_schema(database: Database) -> str:
    """Return pg_dump's text of LangGraph's tables, without a tool's own bookkeeping."""
    dump = database.run("pg_dump", "--schema-only", "--table=public.checkpoint*")
    if dump.returncode:
        message = f"pg_dump ended with {dump.returncode}: {dump.stderr}"
        raise BenchmarkError(message)
    # Newer releases print a random token in two lines.
    lines = dump.stdout.splitlines()
    return "\n".join(line for line in lines if not line.startswith(("\\restrict", "\\unrestrict")))
