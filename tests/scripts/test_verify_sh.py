"""verify.sh: the report is the termination message, and trouble is told from a failed check."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.migrations.test_up import TEXTS, make_history
from tests.scripts.conftest import Container
from tests.support.postgres import Database, Server
from tests.support.wire_proxy import WireProxy


def report_in(output: str) -> dict[str, Any]:
    (line,) = (line for line in output.splitlines() if line.startswith("{"))
    return json.loads(line)


def test_a_verified_schema_is_reported(container: Container, database: Database) -> None:
    make_history(database, "complete at version 9", rows=False)

    status, output, message = container.run("verify.sh")

    assert status == 0, output
    assert json.loads(message)["ok"] is True
    lines = output.splitlines()
    assert message in lines
    assert all(line.startswith("==> ") for line in lines if line != message)


def test_a_failed_check_ends_with_1_and_a_sentence(
    container: Container, database: Database
) -> None:
    make_history(database, "2.0.9 at version 8 without task_path", rows=False)

    status, _, message = container.run("verify.sh")

    assert status == 1
    assert message.startswith("expected schema public to equal version 9, found: columns: ")
    assert '"' not in message.partition("found: ")[2].partition(";")[0]
    assert message.endswith("; docs/drift.md says what repairs it")


def test_the_schema_setting_is_used(container: Container, database: Database) -> None:
    database.execute('CREATE SCHEMA "La ng"', 'SET search_path = "La ng"', *TEXTS[:2])

    _, output, _ = container.run("verify.sh", SCHEMA="La ng")

    assert report_in(output)["schema"] == "La ng"


def test_the_rights_of_the_deployments_roles_are_compared(
    container: Container, database: Database, server: Server
) -> None:
    make_history(database, "complete at version 9", rows=False)
    role = server.create_role()

    status, output, _ = container.run("verify.sh", OWNER_ROLE="postgres", APP_ROLE=role)

    assert status == 1, output
    report = report_in(output)
    assert [name for name, passed in report["checks"].items() if not passed] == ["rights"]
    assert all(role in problem for problem in report["problems"])


@pytest.mark.parametrize(("owns", "passes"), [("true", False), ("false", True), ("", True)])
def test_public_is_kept_out_of_an_owned_database_only(
    container: Container, database: Database, owns: str, passes: bool
) -> None:
    make_history(database, "complete at version 9", rows=False)

    _, output, _ = container.run("verify.sh", OWNS_DATABASE=owns)

    assert report_in(output)["checks"]["rights"] is passes, output


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dbname": "no_such"}, 'database "no_such" does not exist'),
        ({"user": "no_such"}, "password authentication failed"),
        ({"sslrootcert": "/dev/null"}, "certificate"),
        ({"port": "abc"}, "port"),
        ({"nonsense": "x"}, "service file"),
    ],
)
def test_wrong_credentials_end_at_once(
    container: Container, change: dict[str, str], words: str
) -> None:
    container.write_service(**change)

    status, output, message = container.run("verify.sh")

    assert status == 11, output
    assert message.startswith("credentials or rights: ")
    assert words in message


@pytest.mark.parametrize("file", ["pg_service.conf", "pgpass"])
def test_missing_credentials_are_named(container: Container, file: str) -> None:
    (container.credentials / file).unlink()

    status, _, message = container.run("verify.sh")

    assert status == 11
    assert file in message


def test_an_unreachable_server_is_waited_for_until_the_deadline(container: Container) -> None:
    container.write_service(port=1)

    status, _, message = container.run("verify.sh", DEADLINE_SECONDS="1")

    assert status == 12
    assert "Connection refused" in message


def test_a_server_that_never_answers_is_left_at_the_deadline(
    container: Container, database: Database
) -> None:
    with WireProxy(database.server.port) as proxy:
        container.write_service(port=proxy.port, sslmode="disable", gssencmode="disable")
        proxy.hook = lambda _: proxy.freeze()
        process = container.start("verify.sh", DEADLINE_SECONDS="1")
        status, output, message = container.finish(process)

    assert status == 12, output
    assert "the server took what was sent and never answered" in message


def test_a_lock_in_the_way_is_waited_for(container: Container, database: Database) -> None:
    make_history(database, "complete at version 9", rows=False)

    with database.connect() as holder:
        holder.execute("BEGIN")
        holder.execute("LOCK TABLE checkpoints IN EXCLUSIVE MODE")
        process = container.start("verify.sh")
        assert process.stdout
        assert any("lock timeout" in line for line in process.stdout)
    status, output, _ = container.finish(process)

    assert status == 0, output


def test_a_missing_file_is_an_error(container: Container, tmp_path: Path) -> None:
    status, _, message = container.run("verify.sh", MIGRATIONS_DIR=str(tmp_path))

    assert status == 13
    assert "verify_migration.sh" in message


def test_a_signal_ends_it(container: Container) -> None:
    container.write_service(port=1)
    process = container.start("verify.sh")
    assert process.stdout
    assert any("attempt 2" in line for line in process.stdout)

    process.send_signal(signal.SIGTERM)
    status, _, _ = container.finish(process)

    assert status == 143
