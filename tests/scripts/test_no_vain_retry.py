"""Trouble that no retry ends is told at once, or within seconds, with what mends it."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.migrations.test_plan import plan
from tests.scripts.conftest import Container
from tests.support.postgres import PASSWORD, Database, Server

Migrate = Callable[..., tuple[int, str, str]]
SCRIPTS = [("migrate.sh", "up"), ("verify.sh",)]
ROW_SECURITY = "tests/fixtures/row_security_for_all.sql"
# A label of a name in DNS has at most 63 characters, so that no resolver has to be asked.
NOBODY = f"{'n' * 64}.example.com"


def test_an_event_trigger_that_changes_new_tables_is_named_at_once_and_foretold(
    database: Database, migrate: Migrate
) -> None:
    assert database.run("psql", "-X", "-q", "-f", ROW_SECURITY).returncode == 0

    foretold = plan(database).stdout
    status, output, message = migrate()
    database.execute("ALTER EVENT TRIGGER row_security_for_all DISABLE")
    again, _, _ = migrate()

    assert "warning: row_security_for_all: event trigger that runs on CREATE TABLE" in foretold
    assert status == 10
    assert "attempt" not in output
    assert message.startswith("refused: expected the new tables as they were made, found that an")
    assert "checkpoints: expected no row security, found it enabled" in message
    assert message.endswith(
        "run ALTER EVENT TRIGGER ... DISABLE for the one that did (row_security_for_all),"
        " then the migration again"
    )
    assert again == 0


def test_an_event_trigger_that_leaves_tables_alone_is_no_hindrance(
    database: Database, migrate: Migrate
) -> None:
    database.execute(
        "CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION watch()",
    )

    status, output, _ = migrate()

    assert status == 0, output


@pytest.mark.parametrize(
    "host",
    [
        "db.example.com:5432",
        "postgresql://db.example.com/langgraph",
        "[::1]",
        "[::1]:5432",
        "one.example.com,two.example.com:5433",
    ],
)
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script[0])
def test_more_than_a_host_in_the_field_host_is_refused_at_once(
    container: Container, script: tuple[str, ...], host: str
) -> None:
    container.write_service(host=host)

    status, output, message = container.run(*script)

    assert status == 11
    assert message.startswith("expected a host name or an address in the secret's field host, ")
    assert host not in output + message


@pytest.mark.parametrize("host", ["::1", "localhost,::1"])
def test_addresses_with_colons_are_hosts(container: Container, host: str) -> None:
    container.write_service(host=host, port=1)

    status, _, message = container.run("migrate.sh", "up", DEADLINE_SECONDS="1")

    assert (status, "field host" in message) == (12, False)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script[0])
def test_an_unknown_name_ends_within_seconds_and_names_the_field(
    container: Container, script: tuple[str, ...]
) -> None:
    container.write_service(host=NOBODY)
    began = time.monotonic()

    status, output, message = container.run(*script, BRIEF_SECONDS="2")

    assert status == 12
    assert time.monotonic() - began < 60
    assert "attempt 1: could not translate host name" in output
    assert message.endswith("; correct the secret's field host")


def test_a_resolver_that_is_just_starting_is_waited_for(
    container: Container, tmp_path: Path
) -> None:
    image = tmp_path / "image"
    image.mkdir()
    for program in container.programs.iterdir():
        (image / program.name).symlink_to(program)
    (image / "psql").unlink()
    text = 'could not translate host name "db" to address: Temporary failure in name resolution'
    (image / "psql").write_text(f"#!{image}/sh\necho 'psql: error: {text}' >&2; exit 2\n")
    (image / "psql").chmod(0o755)

    status, _, message = container.run(
        "migrate.sh", "up", PATH=str(image), BRIEF_SECONDS="0", DEADLINE_SECONDS="3"
    )

    assert status == 12
    assert message.startswith("gave up after 3 s")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script[0])
def test_a_role_without_a_connection_to_spare_is_named(
    container: Container, server: Server, script: tuple[str, ...]
) -> None:
    limit = 1 if script[0] == "migrate.sh" else 0
    role = server.create_role(f"LOGIN SUPERUSER CONNECTION LIMIT {limit}")
    server.execute(f"ALTER ROLE {role} NOSUPERUSER")
    container.write_service(user=role)

    status, _, message = container.run(*script, BRIEF_SECONDS="1")

    assert status == 12
    assert f'too many connections for role "{role}"' in message
    assert message.endswith("raise the CONNECTION LIMIT of the role in the secret's field username"
                            " to 5")  # fmt: skip


def test_the_plan_foretells_a_role_with_one_connection(database: Database) -> None:
    role = database.server.create_role("LOGIN CONNECTION LIMIT 1")

    said = plan(database, "--login", role).stdout

    line = f"the migration would give up: {role}: expected a connection limit of 5 or more, found 1"
    assert f"\n{line}" in said


def test_a_full_server_ends_within_seconds_and_one_that_empties_is_waited_for(
    tmp_path: Path, programs: Path
) -> None:
    settings = {
        "max_connections": "4",
        "superuser_reserved_connections": "1",
        "max_wal_senders": "0",
    }
    with Server(tls=True, settings=settings) as server, ExitStack() as held:
        database = server.create_database()
        role = server.create_role("LOGIN")
        database.execute(f"GRANT CREATE ON SCHEMA public TO {role}")
        container = Container(tmp_path, database, programs)
        container.write_service(user=role)
        for _ in range(3):
            held.enter_context(database.connect(role))

        status, _, message = container.run("migrate.sh", "up", BRIEF_SECONDS="2")
        process = container.start("migrate.sh", "up")
        assert process.stdout
        assert any("attempt 1" in line for line in process.stdout)
        held.close()
        mended, output, _ = container.finish(process)

    assert status == 12
    assert "remaining connection slots are reserved" in message
    assert "in the secret's field host, or raise its max_connections" in message
    assert mended == 0, output
    assert PASSWORD not in message
