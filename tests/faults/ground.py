"""A server with filled databases of old versions, and the proof that a copy ended well."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

from tests.conftest import run_setup
from tests.faults.history import Rows, make_history, rows_of
from tests.faults.migrator import wait_until
from tests.support.faulty_server import FaultyServer
from tests.support.postgres import Database

OLD_VERSIONS = (3, 4)
BROKEN_INDEXES = "SELECT array_agg(indexrelid::regclass::text) FROM pg_index WHERE NOT indisvalid"
LOCKS = (
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database ="
    " (SELECT oid FROM pg_database WHERE datname = current_database())"
)


@dataclass
class Ground:
    """What many tests share; only copies of its databases are ever changed."""

    server: FaultyServer
    dump: str = field(init=False)
    rows: Rows = field(init=False)
    templates: dict[int, Database] = field(init=False)

    @classmethod
    def prepare(cls, server: FaultyServer) -> Self:
        """Fill the databases and note what setup() makes on this server."""
        ground = cls(server)
        stock = server.create_database()
        run_setup(stock)
        ground.dump = stock.schema_dump()
        ground.templates = {version: server.create_database() for version in OLD_VERSIONS}
        for version, template in ground.templates.items():
            make_history(template, version)
        ground.rows = rows_of(ground.templates[OLD_VERSIONS[0]])
        return ground

    @contextmanager
    def old_database(self, version: int = OLD_VERSIONS[-1]) -> Iterator[Database]:
        """Make a filled database of an old version and drop it in the end."""
        copy = self.server.create_database(self.templates[version].name, "STRATEGY file_copy")
        yield copy
        copy.drop()

    def assert_converged(self, database: Database, rows: Rows | None = None) -> None:
        """Prove that no fault has left a trace: all is as after setup(), all rows are there."""
        assert database.value(BROKEN_INDEXES) is None
        assert database.schema_dump() == self.dump
        versions = database.value("SELECT array_agg(v ORDER BY v) FROM checkpoint_migrations")
        assert versions == list(range(10))
        assert rows_of(database) == (rows or self.rows)
        # A lock ends with its session, which takes the server a moment.
        wait_until(lambda: database.value(LOCKS) == 0)
