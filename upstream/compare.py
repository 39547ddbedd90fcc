"""Compares what a saver's migrations and this project's newest up file make of a database."""

import difflib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.postgres import Database, Server
from upstream.errors import UpstreamError


class _RefusedError(Exception):
    """The up file ended with this error of the server."""


@dataclass(frozen=True)
class Schema:
    """What this project's newest up file makes of an empty database."""

    version: int
    dump: str


def own_schema(server: Server, migrations: Path) -> Schema:
    """Apply the newest up file to an empty database.

    Raises:
        UpstreamError: it does not get along with one.
    """
    with _new_database(server) as database:
        try:
            _apply_up_file(database, migrations)
        except _RefusedError as error:
            msg = f"expected the up file in {migrations} to fit an empty database, found: {error}"
            raise UpstreamError(msg) from error
        version = database.value("SELECT max(v) FROM checkpoint_migrations")
        return Schema(version, database.schema_dump())


def difference(server: Server, texts: Sequence[str], own: Schema, migrations: Path) -> list[str]:
    """Return how a saver's schema differs from ours after our up file; nothing when equal."""
    with _new_database(server) as database:
        _run_texts(database, texts)
        try:
            _apply_up_file(database, migrations)
        except _RefusedError as error:
            return [str(error)]
        theirs = database.schema_dump()
    return list(
        difflib.unified_diff(
            own.dump.splitlines(),
            theirs.splitlines(),
            "this project on an empty database",
            "this project on the saver's",
            lineterm="",
        )
    )


@contextmanager
def _new_database(server: Server) -> Iterator[Database]:
    database = server.create_database()
    try:
        yield database
    finally:
        database.drop()


def _run_texts(database: Database, texts: Sequence[str]) -> None:
    """Do what setup() does in an empty database: each text, then its number, no transaction."""
    with database.connect() as connection:
        for version, text in enumerate(texts):
            connection.execute(text.encode())
            connection.execute("INSERT INTO checkpoint_migrations (v) VALUES (%s)", [version])


def _apply_up_file(database: Database, migrations: Path) -> None:
    # It includes those before it.
    file = max(migrations.glob("[0-9][0-9][0-9]_*.up.sql"))
    result = database.run("psql", "-X", "-q", "-f", str(file))
    if result.returncode:
        lines = result.stderr.strip().splitlines() or ["psql ended without a message"]
        line = next((x for x in lines if "ERROR:" in x), lines[-1])
        msg = f"{file.name}: {line.partition('ERROR:  ')[2] or line}"
        raise _RefusedError(msg)
