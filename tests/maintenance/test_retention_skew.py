"""Retention where one thread holds nearly all checkpoints: little memory, short transactions."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.memory import watched
from tests.conftest import run_setup
from tests.maintenance.retained import programs as programs
from tests.maintenance.retained import start, threads
from tests.maintenance.test_retention_faults import kill_once
from tests.scripts.conftest import Container
from tests.support.histories import TABLES, rows_of, saver_of
from tests.support.idle_threads import fill
from tests.support.postgres import Server

MOST_BYTES = 64 * 2**20
MOST_MS = 200
SETTINGS = {"autovacuum": "off", "max_wal_size": "'4GB'", "shared_buffers": "'64MB'"}
CHECKPOINTS = re.compile(r"pruned 1 threads .*: (\d+) checkpoints, .* (\d+) ms$")


class Skewed:
    """A server with one large thread and many small ones, and retention run on it."""

    def __init__(self, server: Server, folder: Path, programs: Path) -> None:
        self._server, self._folder, self._programs = server, folder, programs
        self.database = server.create_database()
        run_setup(self.database)
        self.database.execute(
            f"ALTER DATABASE {self.database.name} SET log_min_duration_statement = {MOST_MS}"
        )

    def fill(self, checkpoints: int, others: int) -> None:
        fill(self.database, others, 1, writes=1)
        fill(self.database, 1, checkpoints, writes=1)
        self.large = self.database.value(
            "SELECT thread_id FROM checkpoints ORDER BY checkpoint_id DESC LIMIT 1"
        )

    def kill_halfway(self) -> int:
        """End a run once the thread's newer half is pruned; return what is left of it."""
        middle = self.database.value(
            "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY checkpoint_id)"
            f" FROM checkpoints WHERE thread_id = '{self.large}'"
        )
        there = (
            f"SELECT count(*) FROM checkpoints WHERE thread_id = '{self.large}'"
            f" AND checkpoint_ns = '' AND checkpoint_id = '{middle}'"
        )
        kill_once(
            self._container("killed"),
            lambda: not self.database.value(there),
            1200,
            DEADLINE_SECONDS="3000",
        )
        return self._left()

    def prune(self) -> int:
        """Prune to the end, in little memory and short transactions; return how many it deleted."""
        log = self._server.root / "log"
        before = log.stat().st_size
        container = self._container("whole")
        postmaster = int((self._server.root / "data" / "postmaster.pid").read_text().split()[0])
        with watched(postmaster, private=True) as idle:
            self.database.value("SELECT 1")
        run = start(container, DEADLINE_SECONDS="3000")
        with watched(run.pid) as client, watched(postmaster, private=True) as server:
            status, output, message = container.finish(run)

        assert status == 0, output
        found = CHECKPOINTS.match(message)
        assert found, message
        used = server.rss_bytes - idle.rss_bytes
        print(f"client {client.rss_bytes >> 20} MiB, server {used >> 20} MiB, {message}")
        assert 0 < client.rss_bytes <= MOST_BYTES
        assert 0 < used <= MOST_BYTES
        assert int(found[2]) <= MOST_MS
        # Of the server's own clock, with the commit.
        assert "duration: " not in log.read_text()[before:]
        return int(found[1])

    def _left(self) -> int:
        count = f"SELECT count(*) FROM checkpoints WHERE thread_id = '{self.large}'"
        return self.database.value(count)

    def _container(self, name: str) -> Container:
        folder = self._folder / name
        folder.mkdir()
        return Container(folder, self.database, self._programs)


@pytest.fixture
def skewed(tmp_path: Path, programs: Path) -> Iterator[Skewed]:
    with Server(tls=True, settings=SETTINGS) as server:
        yield Skewed(server, tmp_path, programs)
    shutil.rmtree(tmp_path)


def test_a_thread_of_20_000_checkpoints_is_pruned_in_64_mib_and_200_ms_parts(
    skewed: Skewed,
) -> None:
    skewed.fill(20_000, 500)
    copy = skewed.database.server.create_database(skewed.database.name)
    with saver_of(copy) as saver:
        # The others' parents were never there, which prune mends too.
        saver.prune(threads(copy, "%"))

    left = skewed.kill_halfway()

    assert 1 < left <= 10_000, "what was pruned stays pruned"
    assert skewed.prune() == left - 1
    assert rows_of(skewed.database) == rows_of(copy)
    assert [copy.value(f"SELECT count(*) FROM {table}") for table in TABLES] == [501, 1002, 501]
