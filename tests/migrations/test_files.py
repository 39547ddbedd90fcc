"""Properties of the SQL and shell files themselves."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.migrations.conftest import MIGRATIONS
from tests.support.postgres import Database

ROOT = MIGRATIONS.parent
TOOLS = Path(sys.executable).parent
SQL = sorted(MIGRATIONS.glob("*.sql"))
PARTS = [path for path in SQL if path.name[0].isdigit()]
LAYOUTS = [path.name for path in SQL if path.name.startswith("layout_")]
SHARED = {*LAYOUTS, "application_setup.sql", "mark.sql", "rights.sql", "session.sql"}
OTHERS = sorted(MIGRATIONS.glob("*/*.sql"))
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


def for_squawk(path: Path) -> str:
    """Return what squawk can read: psql's commands, but none of its variables."""
    plain = re.sub(r":(['\"])(\w+)['\"]", r"\1\2\1", path.read_text())
    return re.sub(r"^:\w+[ \\;]*$", "", plain, flags=re.MULTILINE)


def code(path: Path) -> str:
    lines = path.read_text().splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("--"))


@pytest.mark.parametrize("path", SQL, ids=name)
def test_migration_files_follow_the_naming_rule(path: Path) -> None:
    assert NAME.fullmatch(path.name) or path.name in SHARED


@pytest.mark.parametrize("path", [*SQL, *SHELL], ids=name)
def test_files_are_plain_text_with_short_lines(path: Path) -> None:
    content = path.read_bytes()

    assert b"\r" not in content
    assert content.endswith(b"\n")
    assert [line for line in content.decode().splitlines() if len(line) > 100] == []


def test_all_parts_of_a_migration_read_its_one_layout_which_alone_knows_its_version() -> None:
    numbers = sorted({path.name[:3] for path in PARTS})
    layouts = [
        {line for path in PARTS if path.name[:3] == number for line in included(path)}
        for number in numbers
    ]

    assert len(PARTS) == 3 * len(numbers)
    assert sorted(name for names in layouts for name in names) == sorted(LAYOUTS)
    named = "|".join(re.findall(r"\d+", " ".join(LAYOUTS)))
    assert not [path.name for path in PARTS if re.search(rf"(?<!-)\b({named})\b", code(path))]


def included(path: Path) -> list[str]:
    return re.findall(r"^\\ir (layout_\d+\.sql)$", path.read_text(), re.MULTILINE)


@pytest.mark.parametrize("path", [*PARTS, *OTHERS], ids=name)
def test_a_file_stops_at_errors_before_it_includes_another(path: Path) -> None:
    first = code(path).splitlines()[0]

    assert first == "\\set ON_ERROR_STOP on" or path.name == "preflight.sql"


@pytest.mark.parametrize("path", PARTS, ids=name)
def test_a_file_alone_in_its_folder_does_nothing(
    path: Path, langgraph_database: Database, langgraph_dump: str, tmp_path: Path
) -> None:
    alone = tmp_path / path.name
    alone.write_text(path.read_text())

    result = langgraph_database.run("psql", "-X", "-v", "allow_data_loss=true", "-f", str(alone))

    assert result.returncode == 3
    assert "session.sql: No such file or directory" in result.stderr
    assert langgraph_database.schema_dump() == langgraph_dump


def test_nothing_is_dropped_with_cascade() -> None:
    assert not any("CASCADE" in file.read_text() for file in SQL)


@pytest.mark.parametrize("down", [*MIGRATIONS.glob("*.down.sql")], ids=name)
def test_a_down_file_warns_of_data_loss_in_its_first_line(down: Path) -> None:
    assert down.read_text().startswith("-- DATA LOSS: ")


@pytest.mark.parametrize("file", [*SQL, *OTHERS], ids=name)
def test_squawk_finds_nothing(file: Path) -> None:
    result = subprocess.run(
        [TOOLS / "squawk", "--stdin-filepath", file.name],
        input=for_squawk(file),
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
