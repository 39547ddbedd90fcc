"""Builds wheels of the installed saver whose migrations say something else."""

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.migrations.conftest import MIGRATIONS
from tests.support.deployment import PROGRAM, REPOSITORY
from tests.support.next_version import COLUMN, INDEX, add_next_version, build_wheel
from tests.support.postgres import Database, Server
from upstream.wheels import known_texts

# From the texts of the migrations, and a line of the saver's own module with what takes its place.
MakeWheel = Callable[..., Path]
NEW_COLUMN = "ALTER TABLE checkpoints ADD COLUMN IF NOT EXISTS created_at TIMESTAMPTZ"


def psql(database: Database, file: Path, **variables: str) -> CompletedProcess[str]:
    settings = [f"--set={name}={value}" for name, value in variables.items()]
    return database.run("psql", "-X", "--set=ON_ERROR_STOP=1", *settings, "-f", str(file))


@pytest.fixture
def make_wheel(tmp_path: Path) -> MakeWheel:
    """Return a function that builds the installed release anew, as 9.9.9 with other texts."""

    return partial(build_wheel, tmp_path)


@pytest.fixture
def texts() -> list[str]:
    return known_texts()


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    """Return a copy of the migrations that a draft may be written into."""
    return Path(shutil.copytree(MIGRATIONS, tmp_path / "migrations"))


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the program to which nothing but the new files was added."""
    folder = tmp_path_factory.mktemp("tree")
    for name in (*PROGRAM, "Pulumi.dev.yaml"):
        source = REPOSITORY / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / name)
    add_next_version(folder / "migrations", tmp_path_factory.mktemp("wheel"))
    return folder


@pytest.fixture(scope="session")
def upstream_dump(server: Server, langgraph_template: Database) -> Iterator[str]:
    database = server.create_database(template=langgraph_template.name)
    database.execute(COLUMN, INDEX)
    yield database.schema_dump()
    database.drop()
