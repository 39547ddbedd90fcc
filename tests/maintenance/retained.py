"""Databases with threads of several ages, and retention run on them as its container runs it."""

from collections.abc import Callable, Iterator
from subprocess import PIPE, Popen

import pytest

from tests.scripts.conftest import ROOT, Container
from tests.scripts.conftest import container as container
from tests.scripts.conftest import programs as programs
from tests.support.histories import TABLES, grow, saver_of
from tests.support.postgres import Database, Server

RETENTION = "retention.sh"
DEFAULTS = {"KEEP_LATEST_AFTER_DAYS": "30", "GRACE_SECONDS": "0"}
Retain = Callable[..., str]


@pytest.fixture(scope="session")
def retention_template(server: Server, langgraph_template: Database) -> Iterator[Database]:
    """Return a database with idle, expired, active and untouchable threads; copy it."""
    template = server.create_database(langgraph_template.name)
    with saver_of(template) as saver:
        for number in range(12):
            grow(saver, f"idle-{number}", 40, number)
        for number in range(4):
            grow(saver, f"expired-{number}", 400, 100 + number)
        for number in range(3):
            grow(saver, f"active-{number}", 2, 200 + number)
    yield template
    template.drop()


@pytest.fixture
def database(server: Server, retention_template: Database) -> Iterator[Database]:
    created = server.create_database(retention_template.name)
    yield created
    created.drop()


@pytest.fixture
def expected(server: Server, retention_template: Database) -> Iterator[Database]:
    created = server.create_database(retention_template.name)
    yield created
    created.drop()


@pytest.fixture
def retain(container: Container) -> Retain:
    """Run retention: prune after 30 days; return its sentence."""

    def run(*, status: int = 0, **environment: str) -> str:
        found, output, message = container.run(RETENTION, **(DEFAULTS | environment))
        assert found == status, output
        return message

    return run


def threads(database: Database, like: str) -> list[str]:
    with database.connect() as connection:
        found = connection.execute(
            "SELECT DISTINCT thread_id FROM checkpoints WHERE thread_id LIKE %s", [like]
        )
        return [thread for (thread,) in found]


def counts(database: Database) -> list[int]:
    return [database.value(f"SELECT count(*) FROM {table}") for table in TABLES]


def start(container: Container, **environment: str) -> Popen[str]:
    """Start retention in a session of its own, to be killed with all that it has started."""
    container.termination_log.write_text("")
    return Popen(
        [container.programs / "ash", str(ROOT / "components" / "retention" / "retention.sh")],
        env={
            "PATH": str(container.programs),
            "CREDENTIALS_DIR": str(container.credentials),
            "TERMINATION_LOG": str(container.termination_log),
            "TMPDIR": str(container.temporary),
            **DEFAULTS,
            **environment,
        },
        stdout=PIPE,
        stderr=PIPE,
        text=True,
        start_new_session=True,
    )
