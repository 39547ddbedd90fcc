"""A disk that fills up ends the run with what it needs; with more space the next one completes."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.ground import BROKEN_INDEXES, Ground
from tests.faults.migrator import Migrator
from tests.support.faulty_server import fill, small_disk
from tests.support.postgres import Database

MEGABYTES = 40


@pytest.fixture
def disk(ground: Ground) -> Iterator[Path]:
    """Return a small disk with a tablespace: the rest of the server keeps its space."""
    folder = ground.server.root / "small"
    folder.mkdir(exist_ok=True)
    with small_disk(folder, MEGABYTES):
        ground.server.create_tablespace("small", folder / "tablespace")
        yield folder
        ground.server.execute("DROP TABLESPACE small")


@pytest.fixture
def small_database(ground: Ground, disk: Path) -> Iterator[Database]:
    template = ground.templates[4].name
    database = ground.server.create_database(template, "STRATEGY file_copy TABLESPACE small")
    yield database
    database.drop()


@pytest.mark.parametrize("left", [100, 400, 600], ids=lambda kilobytes: f"{kilobytes} kB left")
def test_a_full_disk_ends_the_run_with_what_it_needs_and_leaves_no_invalid_index(
    ground: Ground, disk: Path, small_database: Database, migrator: Migrator, left: int
) -> None:
    migrator.use(small_database)
    # The first session of a database writes a file that no session can be without.
    small_database.execute("SELECT")
    ballast = fill(disk, left)
    status, output = migrator.migrate(DEADLINE_SECONDS="5")

    assert status == 13, output
    assert re.search(r"failed: .*53100.*need about \d+ (bytes|kB|MB).*free disk space", output)
    assert "==> space: the index builds need about" in output
    assert small_database.value(BROKEN_INDEXES) is None

    ballast.unlink()
    status, output = migrator.migrate()

    assert status == 0, output
    ground.assert_converged(small_database)
