"""Properties of the SQL and shell files themselves."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.migrations.conftest import MIGRATIONS

ROOT = MIGRATIONS.parent
TOOLS = Path(sys.executable).parent
SQL = sorted(MIGRATIONS.glob("*.sql"))
ROOMS = ROOT / "components"
SHELL = [
    *MIGRATIONS.glob("*.sh"),
    *(ROOMS / "schema").glob("*.sh"),
    ROOMS / "backup" / "backup.sh",
    ROOMS / "vault" / "vault-init.sh",
]
NAME = re.compile(r"\d{3}_[a-z_]+\.(up|down|verify)\.sql")


def name(path: Path) -> str:
    return path.name


@pytest.mark.parametrize("path", SQL, ids=name)
def test_migration_files_follow_the_naming_rule(path: Path) -> None:
    assert NAME.fullmatch(path.name)


@pytest.mark.parametrize("path", [*SQL, *SHELL], ids=name)
def test_files_are_plain_text_with_short_lines(path: Path) -> None:
    content = path.read_bytes()

    assert b"\r" not in content
    assert content.endswith(b"\n")
    assert [line for line in content.decode().splitlines() if len(line) > 100] == []


def test_every_file_describes_the_same_layout() -> None:
    layouts = {file.read_text().split("$layout$")[1] for file in SQL}

    assert len(SQL) == 3
    assert len(layouts) == 1


def test_nothing_is_dropped_with_cascade() -> None:
    assert not any("CASCADE" in file.read_text() for file in SQL)


def test_the_down_file_warns_of_data_loss_in_its_first_line() -> None:
    (down,) = MIGRATIONS.glob("*.down.sql")

    assert down.read_text().startswith("-- DATA LOSS: ")


@pytest.mark.parametrize("kind", ["up", "down"])
def test_squawk_finds_nothing(kind: str) -> None:
    (file,) = MIGRATIONS.glob(f"*.{kind}.sql")
    # squawk reads psql's meta-commands but not its variables
    plain = re.sub(r":(['\"])(\w+)['\"]", r"\1\2\1", file.read_text())

    result = subprocess.run(
        [TOOLS / "squawk", "--stdin-filepath", file.name],
        input=plain,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("path", SHELL, ids=name)
def test_shellcheck_finds_nothing(path: Path) -> None:
    result = subprocess.run(
        [TOOLS / "shellcheck", "-s", "sh", str(path)], capture_output=True, text=True, check=False
    )

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("path", SHELL, ids=name)
def test_scripts_can_be_executed(path: Path) -> None:
    assert path.stat().st_mode & 0o111 == 0o111
