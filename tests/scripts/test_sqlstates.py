"""One list says what an SQLSTATE asks for, and every script that meets one goes by it."""

import subprocess
from pathlib import Path

import pytest

from tests.scripts.conftest import ROOT, Container

CONNECTION = ROOT / "components" / "database" / "connection.sh"
VERDICTS = {
    "again": "MGBSY 08006 25006 40001 40P01 53100 53300 55P03 57014 57P01 57P03 57P04",
    "raced": "23505 42P07 42701 42710 42P01 42704 XX000",
    "refused": "MG001 MG024 2BP01",
    "rights": "28P01 28000 42501 3D000",
    "error": "42601 22P02 XX001 55006",
    "": "psql connection",
}


@pytest.mark.parametrize(
    ("verdict", "state"),
    [(verdict, state) for verdict, states in VERDICTS.items() for state in states.split()],
)
def test_an_sqlstate_has_one_verdict(container: Container, verdict: str, state: str) -> None:
    shell = [container.programs / "ash", "-c", '. "$0"; judge "$1"; echo "$verdict"']

    said = subprocess.run(
        [*shell, CONNECTION, state],
        env={"PATH": str(container.programs)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert said.stdout == f"{verdict}\n"


def test_no_script_keeps_a_list_of_its_own() -> None:
    own = {
        path.name
        for path in (ROOT / "components").rglob("*.sh")
        if "40P01" in path.read_text() or "57014" in path.read_text() or "28???" in path.read_text()
    }

    assert own == {"connection.sh"}


def test_a_table_that_was_dropped_meanwhile_is_looked_at_again(
    container: Container, tmp_path: Path
) -> None:
    (tmp_path / "verify_migration.sh").write_text(
        f"[ ! -e {tmp_path}/again ] || exec echo '{{}}'\n"
        f": > {tmp_path}/again\n"
        "echo 'verify_migration.sh: 42P01: relation \"checkpoints\" does not exist' >&2\n"
        "exit 1\n"
    )

    status, output, message = container.run("verify.sh", MIGRATIONS_DIR=str(tmp_path))

    assert (status, message) == (0, "{}")
    assert "attempt 1: 42P01: relation" in output
