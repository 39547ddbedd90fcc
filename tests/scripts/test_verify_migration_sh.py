"""verify_migration.sh: eight tests for people, one line of JSON for programs."""

import json
import os
import pty
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.migrations.test_up import make_history
from tests.migrations.test_verify import CHECKS
from tests.support.postgres import Database, Server, bin_dir

SCRIPT = Path(__file__).parents[2] / "migrations" / "verify_migration.sh"
PATH = f"{bin_dir()}:/usr/bin:/bin"
Verify = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def verify(programs: Path) -> Verify:
    return lambda *arguments, env=None: subprocess.run(
        [programs / "ash", str(SCRIPT), *arguments],
        env={**(env or {}), "PATH": str(programs)},
        capture_output=True,
        text=True,
        check=False,
    )


def connection(database: Database) -> str:
    return database.server.conninfo(database.name)


@pytest.fixture
def complete(database: Database) -> Database:
    make_history(database, "complete at version 9", rows=True)
    return database


def test_eight_tests_pass_on_a_complete_schema(verify: Verify, complete: Database) -> None:
    result = verify(connection(complete))

    assert result.returncode == 0
    verdicts = [line.split()[:2] for line in result.stdout.splitlines()[1:9]]
    assert verdicts == [["PASS", check] for check in CHECKS]


def test_rows_and_sizes_of_every_table_are_shown(verify: Verify, complete: Database) -> None:
    lines = verify(connection(complete)).stdout.splitlines()[-4:]

    rows = {line.split()[0]: line.split()[1:] for line in lines}
    assert rows["checkpoint_migrations"][:2] == ["10", "rows"]
    for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes"):
        assert rows[table][:2] == ["1", "rows"]
        assert rows[table][3] == "kB"


def test_a_failing_test_is_named_with_its_reason(verify: Verify, complete: Database) -> None:
    complete.execute("ALTER TABLE checkpoint_writes DROP COLUMN task_path")

    result = verify(connection(complete))

    assert result.returncode == 1
    assert (
        "FAIL  columns       checkpoint_writes.task_path: expected text not null default '',"
        " found no such column\n" in result.stdout
    )
    assert result.stderr == ""


@pytest.mark.parametrize("broken", [False, True])
def test_json_is_one_line_and_nothing_else(
    verify: Verify, complete: Database, broken: bool
) -> None:
    if broken:
        complete.execute("DROP TABLE checkpoint_writes")

    result = verify("--json", connection(complete))

    assert result.stderr == ""
    assert result.stdout.count("\n") == 1
    assert json.loads(result.stdout)["ok"] is not broken
    assert result.returncode == int(broken)


@pytest.mark.parametrize("spelling", [["--schema", "La ng"], ["--schema=La ng"]])
def test_another_schema_can_be_verified(
    verify: Verify, database: Database, spelling: list[str]
) -> None:
    database.execute('CREATE SCHEMA "La ng"')

    result = verify("--json", *spelling, connection(database))

    assert json.loads(result.stdout)["schema"] == "La ng"


@pytest.mark.parametrize("spelling", ["--app-role {}", "--app-role={}"])
def test_the_rights_of_a_named_application_role_are_compared(
    verify: Verify, complete: Database, server: Server, spelling: str
) -> None:
    role = server.create_role()

    result = verify(*spelling.format(role).split(), "--owner=postgres", connection(complete))

    assert result.returncode == 1
    assert (
        "FAIL  rights        checkpoint_blobs: expected SELECT, INSERT, UPDATE, DELETE of role"
        f" {role}, found none; " in result.stdout
    )


def test_the_environment_of_libpq_names_the_database(verify: Verify, complete: Database) -> None:
    result = verify(env=complete.server.env(complete.name))

    assert result.returncode == 0, result.stderr


def test_a_service_file_names_the_database(
    verify: Verify, complete: Database, tmp_path: Path
) -> None:
    service = tmp_path / "service.conf"
    settings = complete.server.env(complete.name)
    service.write_text(
        f"[mine]\nhost={settings['PGHOST']}\nport={settings['PGPORT']}\n"
        f"dbname={complete.name}\nuser=postgres\n"
    )

    result = verify(
        env={
            "PGSERVICEFILE": str(service),
            "PGSERVICE": "mine",
            "PGPASSWORD": settings["PGPASSWORD"],
        }
    )

    assert result.returncode == 0, result.stderr


def test_the_script_works_from_any_directory(complete: Database, tmp_path: Path) -> None:
    result = subprocess.run(
        [str(SCRIPT), connection(complete)],
        env={"PATH": PATH},
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )

    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    "unreachable",
    ["host=localhost port=1", "host=no-such-host.invalid", "nonsense=1", "dbname=no_such"],
)
def test_an_unreachable_database_is_one_sentence(
    verify: Verify, database: Database, unreachable: str
) -> None:
    result = verify(unreachable, env=database.server.env())

    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("verify_migration.sh: ")
    assert result.stderr.count("\n") == 1


def test_help_is_printed(verify: Verify) -> None:
    result = verify("--help")

    assert result.returncode == 0
    assert result.stdout.startswith("usage: verify_migration.sh [--json] [--schema NAME]")


@pytest.mark.parametrize("arguments", [["--jsn"], ["--schema"], ["--app-role"], ["a", "b"]])
def test_wrong_arguments_are_refused(verify: Verify, arguments: list[str]) -> None:
    result = verify(*arguments)

    assert result.returncode == 1
    assert result.stdout == ""
    assert "expected" in result.stderr


def on_terminal(database: Database, **environment: str) -> str:
    controller, terminal = pty.openpty()
    with subprocess.Popen(
        ["busybox", "ash", str(SCRIPT), connection(database)],
        env={"PATH": PATH, "TERM": "xterm", **environment},
        stdout=terminal,
    ) as process:
        os.close(terminal)
        output = b""
        try:
            while chunk := os.read(controller, 4096):
                output += chunk
        except OSError:  # a pseudo-terminal reports its end as an input/output error
            pass
    os.close(controller)
    assert process.returncode == 0
    return output.decode()


def test_colour_is_for_terminals_only(verify: Verify, complete: Database) -> None:
    assert "\x1b[32mPASS\x1b[0m" in on_terminal(complete)
    assert "\x1b" not in verify(connection(complete)).stdout


def test_no_color_is_honoured(complete: Database) -> None:
    assert "\x1b" not in on_terminal(complete, NO_COLOR="1")
