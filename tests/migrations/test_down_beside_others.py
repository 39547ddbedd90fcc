"""The down file drops nothing under those who are at work."""

import threading
from collections.abc import Callable
from subprocess import CompletedProcess

import psycopg
import pytest

from tests.migrations.conftest import Psql, run_file
from tests.migrations.test_up_roles import Roles
from tests.support.postgres import Database, Server

SECRET = "SELECT 'what the application asks'"


@pytest.fixture
def roles(server: Server, database: Database) -> Roles:
    return Roles(server, database)


@pytest.fixture
def rollback(database: Database, roles: Roles) -> Callable[..., CompletedProcess[str]]:
    """Run the down file as the Job does, in a database that the program made."""
    database.execute(f"ALTER DATABASE {database.name} OWNER TO {roles.owner}")
    variables = {"owner": roles.owner, "owns_database": "true"}
    up = run_file(database, "up", user=roles.migrator, app_role=roles.app, **variables)
    assert up.returncode == 0, up.stderr
    return lambda **more: run_file(database, "down", user=roles.migrator, **variables, **more)


def application(database: Database, role: str) -> psycopg.Connection:
    conninfo = database.server.conninfo(database.name, role)
    return psycopg.connect(conninfo, application_name="agent", autocommit=True)


def test_sessions_in_a_database_that_goes_are_named_and_nothing_is_dropped(
    database: Database, roles: Roles, rollback: Callable[..., CompletedProcess[str]]
) -> None:
    before = database.schema_dump()
    with (
        application(database, roles.app) as one,
        application(database, roles.app),
        psycopg.connect(database.server.conninfo(database.name), application_name="look"),
    ):
        one.execute(SECRET.encode())
        result = rollback(allow_data_loss="true")

    assert result.returncode == 3
    assert (
        f"MG022: expected nobody else in database {database.name}, which is to be dropped, found "
        f"role {roles.app} (2 sessions, application 'agent'), "
        "role postgres (1 session, application 'look'): stop the application"
    ) in result.stderr
    assert "asks" not in result.stderr
    assert database.schema_dump() == before


def test_a_long_list_of_sessions_is_cut_and_has_the_addresses_that_one_may_see(
    database: Database, up: Psql, down: Psql
) -> None:
    up()
    conninfo = database.server.conninfo(database.name)
    several = [psycopg.connect(conninfo, application_name=f"pod {n}") for n in range(7)]
    result = down(owns_database="true")
    for each in several:
        each.close()

    assert "(1 session, application 'pod 4', from 127.0.0.1) and 2 others: stop" in result.stderr


def test_a_replica_and_a_session_of_another_database_are_in_nobodys_way(
    database: Database, rollback: Callable[..., CompletedProcess[str]]
) -> None:
    conninfo = database.server.conninfo(database.name)
    with (
        psycopg.connect(database.server.conninfo()),
        # What a standby opens before it asks for the log.
        psycopg.connect(conninfo, replication="true", autocommit=True) as replica,
    ):
        replica.pgconn.exec_(b"IDENTIFY_SYSTEM")
        result = rollback()

    assert result.returncode == 0, result.stderr


def test_a_session_that_ends_in_a_moment_is_waited_for(
    database: Database, roles: Roles, rollback: Callable[..., CompletedProcess[str]]
) -> None:
    scrape = application(database, roles.app)
    ending = threading.Timer(1, scrape.close)
    ending.start()

    result = rollback()

    ending.join()
    assert result.returncode == 0, result.stderr


def test_sessions_of_somebody_elses_database_do_not_matter(
    database: Database, up: Psql, down: Psql
) -> None:
    up()

    with database.connect():
        result = down()

    assert result.returncode == 0, result.stderr


def test_a_long_transaction_on_a_table_is_named_and_nothing_is_dropped(
    database: Database, server: Server, up: Psql, down: Psql
) -> None:
    up()
    reader = server.create_role()
    database.execute(f"GRANT SELECT ON checkpoints TO {reader}")
    before = database.schema_dump()

    with psycopg.connect(
        server.conninfo(database.name, reader), application_name="nightly report"
    ) as report:
        report.execute("SELECT thread_id FROM checkpoints")
        pid = report.info.backend_pid
        result = down(allow_data_loss="true")

    assert result.returncode == 3
    assert (
        "MG023: expected short transactions on the tables, found locks held for more than 5 s "
        f"(pid {pid}, application 'nightly report', role {reader}, idle in transaction): wait"
    ) in result.stderr
    assert "thread_id FROM" not in result.stderr
    assert database.schema_dump() == before


def test_one_transaction_after_the_other_is_no_long_one(
    database: Database, up: Psql, down: Psql
) -> None:
    up()
    enough = threading.Event()

    def work() -> None:
        with database.connect() as writer:
            while not enough.is_set():
                with writer.transaction():
                    writer.execute("SELECT FROM checkpoints")
                    writer.execute("SELECT pg_sleep(0.2)")

    worker = threading.Thread(target=work)
    worker.start()
    result = down()
    enough.set()
    worker.join()

    assert "MG023" not in result.stderr
