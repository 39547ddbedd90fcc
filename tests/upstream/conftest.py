"""Builds wheels of the installed saver whose migrations say something else."""

import json
import shutil
import zipfile
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.migrations.conftest import MIGRATIONS
from tests.support.postgres import Database
from upstream.wheels import BASE, PACKAGE, known_texts

MakeWheel = Callable[[list[str]], Path]
NEW_COLUMN = "ALTER TABLE checkpoints ADD COLUMN IF NOT EXISTS created_at TIMESTAMPTZ"


def psql(database: Database, file: Path, **variables: str) -> CompletedProcess[str]:
    settings = [f"--set={name}={value}" for name, value in variables.items()]
    return database.run("psql", "-X", "--set=ON_ERROR_STOP=1", *settings, "-f", str(file))


@pytest.fixture
def make_wheel(tmp_path: Path) -> MakeWheel:
    """Return a function that builds the installed release anew, as 9.9.9 with other texts."""

    def make(texts: list[str]) -> Path:
        installed = distribution(PACKAGE)
        path = tmp_path / f"{PACKAGE.replace('-', '_')}-9.9.9-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for file in installed.files or []:
                source = Path(str(file.locate()))
                if file.as_posix() == BASE:
                    content = f"{source.read_text()}\nMIGRATIONS = {json.dumps(texts)}\n"
                    # The list itself is what a release would change.
                    content = content.replace("MIGRATIONS = [", "_OLD = [", 1)
                    archive.writestr(file.as_posix(), content)
                elif "__pycache__" not in file.parts:
                    archive.write(source, file.as_posix())
        return path

    return make


@pytest.fixture
def texts() -> list[str]:
    return known_texts()


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    """Return a copy of the migrations that a draft may be written into."""
    return Path(shutil.copytree(MIGRATIONS, tmp_path / "migrations"))
