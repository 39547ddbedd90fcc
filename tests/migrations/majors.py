"""PostgreSQL's major versions, each with what the newest saver makes there and a place to try."""

import functools
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from platform import libc_ver
from tempfile import TemporaryDirectory

import psycopg
import pytest
from psycopg import sql

from devstack import cache
from tests.conftest import run_setup
from tests.migrations.ancestors import TABLES
from tests.support.postgres import Database, Server

LOCALES = ("de_DE.UTF-8", "en_US.UTF-8")
Columns = dict[str, list[str]]


@dataclass(frozen=True)
class Major:
    """A server of one major version, a database to use there and a connection to look at it."""

    server: Server
    database: Database
    observer: psycopg.Connection
    setup_dump: str

    def columns(self) -> Columns:
        """Return the columns of the tables that hold LangGraph's state, as far as they exist."""
        found = self.observer.execute(
            "SELECT table_name::text, array_agg(column_name::text ORDER BY ordinal_position)"
            " FROM information_schema.columns WHERE table_name = ANY (%s) GROUP BY table_name",
            [list(TABLES[1:])],
        )
        return dict(found.fetchall())

    def rows(self, columns: Columns) -> dict[str, list[str]]:
        """Return all rows by the given columns, in an order that says nothing."""
        return {table: self._rows_of(table, names) for table, names in columns.items()}

    def _rows_of(self, table: str, names: list[str]) -> list[str]:
        query = sql.SQL("SELECT ROW({})::text FROM {} ORDER BY 1").format(
            sql.SQL(", ").join(map(sql.Identifier, names)), sql.Identifier(table)
        )
        return [row for (row,) in self.observer.execute(query)]

    def versions(self) -> list[int]:
        """Return the recorded versions."""
        found = self.observer.execute("SELECT v FROM checkpoint_migrations ORDER BY v")
        return [version for (version,) in found]

    def next_transaction(self) -> str:
        """Return the id of the next transaction that writes, whatever it writes."""
        found = self.observer.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
        return str(found.fetchall())


Majors = Callable[[int], Major]


@pytest.fixture(scope="session")
def locales() -> Iterator[Path]:
    """Return the locales that a bare Debian lacks, where the server's user can read them."""
    name = f"locales-{cache.digest([*libc_ver(), *LOCALES])}"
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield shutil.copytree(cache.folder(name, _compile, lambda: None), Path(folder, "locales"))


def _compile(folder: Path) -> None:
    for locale in LOCALES:
        subprocess.run(
            ["localedef", "-i", locale.split(".")[0], "-f", "UTF-8", folder / locale], check=True
        )


@pytest.fixture(scope="session")
def majors(locales: Path) -> Iterator[Majors]:
    """Return what starts the server of a version, the first time that one is asked for."""
    with ExitStack() as running:
        yield functools.cache(lambda version: _start(version, locales, running))


def _start(version: int, locales: Path, running: ExitStack) -> Major:
    # Without autovacuum every transaction id that is taken is somebody's write.
    server = Server(version=version, settings={"autovacuum": "off"})
    with pytest.MonkeyPatch.context() as environ:
        environ.setenv("LOCPATH", f"{locales}:/usr/lib/locale")
        running.enter_context(server)
    reference, database = server.create_database(), server.create_database()
    run_setup(reference)
    observer = running.enter_context(database.connect())
    return Major(server, database, observer, reference.schema_dump())
