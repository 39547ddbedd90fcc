"""A server that logs long waits and deadlocks, old databases with rows, and a seeded dice."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.ground import Ground
from tests.faults.migrator import Migrator
from tests.faults.points import Range
from tests.scripts.conftest import programs as programs
from tests.support.faulty_server import FaultyServer
from tests.support.postgres import Database
from tests.support.wire_proxy import WireProxy

SETTINGS = {
    "max_connections": "280",
    "max_prepared_transactions": "5",
    # The longest that a writer may wait because of us: the log names each longer wait.
    "deadlock_timeout": "100ms",
    "log_lock_waits": "on",
    # Otherwise a build outlives its killed client, ends well, and no kill leaves an invalid index.
    "client_connection_check_interval": "2ms",
}


@pytest.fixture
def dice(capsys: pytest.CaptureFixture[str]) -> random.Random:
    """Return a source of chance that FAULT_SEED repeats."""
    seed = os.environ.get("FAULT_SEED") or str(random.SystemRandom().randrange(10**6))
    with capsys.disabled():
        print(f"[FAULT_SEED={seed}]", end=" ")
    return random.Random(seed)  # noqa: S311 - nothing secret is drawn


@pytest.fixture(scope="session")
def ground() -> Iterator[Ground]:
    with FaultyServer(settings=SETTINGS) as server:
        yield Ground.prepare(server)


@pytest.fixture
def old_database(ground: Ground) -> Iterator[Database]:
    with ground.old_database() as database:
        yield database


@pytest.fixture
def proxy(ground: Ground) -> Iterator[WireProxy]:
    with WireProxy(ground.server.port) as running:
        yield running


@pytest.fixture
def migrator(tmp_path: Path, old_database: Database, programs: Path) -> Iterator[Migrator]:
    """Return a container that talks to the server itself."""
    container = Migrator(tmp_path, old_database, programs)
    container.use(old_database)
    yield container
    container.end()


@pytest.fixture
def proxied(migrator: Migrator, proxy: WireProxy) -> Migrator:
    """Return a container whose network is the proxy."""
    migrator.use(migrator.database, proxy.port)
    return migrator


@pytest.fixture
def firing_range(ground: Ground, proxied: Migrator, proxy: WireProxy) -> Range:
    return Range(ground, proxied, proxy)
