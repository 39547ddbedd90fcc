"""Fixtures every kind of test may use; nothing starts before a test asks for it."""

import signal
from collections.abc import Iterator

import pytest
from langgraph.checkpoint.postgres import PostgresSaver

from tests.support.postgres import Database, Server

# Where a shell started this run in the background SIGINT is ignored, and no script that a test
# starts could trap it again (POSIX, 2.11).
signal.signal(signal.SIGINT, signal.default_int_handler)


def run_setup(database: Database) -> None:
    with PostgresSaver.from_conn_string(database.server.conninfo(database.name)) as saver:
        saver.setup()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with Server(tls=True) as running:
        yield running


@pytest.fixture
def database(server: Server) -> Iterator[Database]:
    created = server.create_database()
    yield created
    created.drop()


@pytest.fixture(scope="session")
def langgraph_template(server: Server) -> Iterator[Database]:
    """Return a database that PostgresSaver.setup() itself made; copy it, do not change it."""
    template = server.create_database()
    run_setup(template)
    yield template
    template.drop()


@pytest.fixture(scope="session")
def langgraph_dump(langgraph_template: Database) -> str:
    return langgraph_template.schema_dump()
