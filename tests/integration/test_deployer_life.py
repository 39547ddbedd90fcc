"""A deployer with the documented rights takes an environment through its life.

On the stack's PostgreSQL and on a newer one, with a schema of its own, beside its application.
"""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from tests.integration.conftest import DEV
from tests.support.database import TABLES, application_credential, as_parameters, connect, tables
from tests.support.deployer import make_deployer
from tests.support.deployment import Deployment
from tests.support.documents import commands
from tests.support.failures import compare_line
from tests.support.second_server import second_server

STACKS_OWN, NEWEST = 15, 18
ROW = "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('t', 'c', '{}')"


@pytest.fixture(scope="module", params=[STACKS_OWN, NEWEST])
def server(
    request: pytest.FixtureRequest, devstack: dict[str, str]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Return a server's version and the variables that point an administrator at it."""
    if request.param == STACKS_OWN:
        yield request.param, devstack
    else:
        with second_server(devstack, request.param) as environ:
            yield request.param, environ


@pytest.fixture(scope="module")
def own(server: tuple[int, dict[str, str]], deploy: Callable[..., Deployment]) -> Deployment:
    version, environ = server
    made = deploy(f"life-{version}", **DEV, databaseSchema="checkpoints")
    made.environ |= environ
    with connect(environ, "postgres") as admin:
        made.deployer |= make_deployer(admin, "first_deployer")
    return made


@pytest.fixture(scope="module")
def second(own: Deployment) -> dict[str, str]:
    with connect(own, "postgres") as admin:
        return make_deployer(admin, "another_deployer")


@pytest.fixture
def admin(own: Deployment) -> Iterator["psycopg.Connection[Any]"]:
    with connect(own, "postgres") as connection:
        yield connection


def execute(own: Deployment, admin: "psycopg.Connection[Any]", statement: str) -> None:
    """Run a statement with real names in place of {db}, {app} and {migrator}."""
    database = own.settings["databaseName"]
    names = {"db": database, "app": f"{database}_app", "migrator": f"{database}_migrator"}
    identifiers = {key: sql.Identifier(name) for key, name in names.items()}
    admin.execute(sql.SQL(statement).format(**identifiers))  # type: ignore[arg-type]


def found(own: Deployment, admin: "psycopg.Connection[Any]", column: str) -> Any:
    """Return what pg_database says of the environment's database."""
    query = sql.SQL("SELECT {} FROM pg_database WHERE datname = %s")
    database = own.settings["databaseName"]
    (row,) = admin.execute(query.format(sql.Identifier(column)), [database]).fetchall()
    return row[0]


def memberships(own: Deployment, admin: "psycopg.Connection[Any]") -> int:
    query = "SELECT count(*) FROM pg_auth_members WHERE member = to_regrole(quote_ident(%s))"
    ((number,),) = admin.execute(query, [f"{own.settings['databaseName']}_app"]).fetchall()
    return number


def makes_databases(own: Deployment, admin: "psycopg.Connection[Any]") -> bool:
    query = "SELECT rolcreatedb FROM pg_roles WHERE rolname = %s"
    ((does,),) = admin.execute(query, [f"{own.settings['databaseName']}_migrator"]).fetchall()
    return does


def test_it_brings_up_a_schema_of_its_own(
    own: Deployment, server: tuple[int, dict[str, str]]
) -> None:
    own.up().expect()

    verification = own.outputs()["verification"]
    assert verification["ok"] is True
    assert verification["schema"] == "checkpoints"
    assert str(verification["server"]).startswith(str(server[0]))


def test_a_refresh_finds_nothing_and_leaves_up_nothing_to_do(own: Deployment) -> None:
    own.up("--refresh", "--expect-no-changes").expect()


def test_an_administrators_limits_stay_and_a_granted_role_goes_where_the_server_lets_it(
    own: Deployment, admin: "psycopg.Connection[Any]", server: tuple[int, dict[str, str]]
) -> None:
    execute(own, admin, "ALTER DATABASE {db} CONNECTION LIMIT 50")
    execute(own, admin, "ALTER DATABASE {db} ALLOW_CONNECTIONS false")
    execute(own, admin, "GRANT pg_monitor TO {app}")

    outcome = own.up("--refresh")
    if server[0] == NEWEST:
        assert outcome.status != 0
        assert "permission denied to revoke role" in outcome.text
        execute(own, admin, "REVOKE pg_monitor FROM {app}")
        outcome = own.up("--refresh")

    outcome.expect()
    assert memberships(own, admin) == 0
    assert (found(own, admin, "datconnlimit"), found(own, admin, "datallowconn")) == (50, False)
    execute(own, admin, "ALTER DATABASE {db} ALLOW_CONNECTIONS true")


def test_a_timeout_with_a_unit_ends_every_refresh_until_it_is_set_for_the_database_alone(
    own: Deployment, admin: "psycopg.Connection[Any]"
) -> None:
    execute(own, admin, "ALTER ROLE {app} SET statement_timeout = '30s'")
    outcome = own.pulumi("refresh", "--yes", "--skip-preview", "--stack", own.stack)
    execute(own, admin, "ALTER ROLE {app} RESET statement_timeout")
    # The refreshes of the next tests meet this one.
    execute(own, admin, "ALTER ROLE {app} IN DATABASE {db} SET statement_timeout = '30s'")

    assert outcome.status != 0
    assert 'parsing "30s": invalid syntax' in outcome.text


def test_another_deployer_goes_on_with_what_the_page_grants(
    own: Deployment,
    admin: "psycopg.Connection[Any]",
    second: dict[str, str],
    server: tuple[int, dict[str, str]],
) -> None:
    execute(own, admin, "ALTER ROLE {migrator} CREATEDB")
    if server[0] == NEWEST:
        refused = own.up("--refresh", **second)
        assert refused.status != 0
        assert "permission denied" in refused.text
        # By the first deployer itself.
        grant = commands("docs/permissions.md", "second deployer")
        for role in ("owner", "migrator", "app"):
            name = sql.Identifier(f"{own.settings['databaseName']}_{role}").as_string()
            grant = grant.replace(f"langgraph_{role}", name)
        login = {"user": own.deployer["PGUSER"], "password": own.deployer["PGPASSWORD"]}
        with connect(own, "postgres", login) as first:
            first.execute(grant.encode())

    own.up("--refresh", **second).expect()

    assert not makes_databases(own, admin)
    own.deployer |= second


def test_destroy_beside_a_running_application_is_refused_and_touches_nothing(
    own: Deployment, server: tuple[int, dict[str, str]]
) -> None:
    database = own.settings["databaseName"]
    credential = as_parameters(application_credential(own)) | {"application_name": "agent"}
    with connect(own, database, credential) as application:
        application.execute(ROW)
        application.execute("BEGIN; SELECT FROM checkpoints")
        outcome = own.destroy()
        application.execute("COMMIT")
        held = application.execute("SELECT count(*) FROM checkpoints").fetchone()
        application.execute("DELETE FROM checkpoints")

    assert outcome.status != 0
    assert "Traceback" not in outcome.text
    assert f"role \"{database}_app\" (1 session, application 'agent')" in outcome.text
    if server[0] == STACKS_OWN:
        compare_line("application connected", outcome.text, "nothing was destroyed: ", status=10)
    assert held == (1,)
    own.up("--expect-no-changes").expect()
    with connect(own, database) as connection:
        assert tables(connection) == set(TABLES)


def test_destroy_leaves_no_role_and_no_database(
    own: Deployment, admin: "psycopg.Connection[Any]"
) -> None:
    own.destroy().expect()

    name = own.settings["databaseName"]
    left = "SELECT datname FROM pg_database WHERE datname = %s"
    assert not admin.execute(left, [name]).fetchall()
    assert not admin.execute(
        "SELECT rolname FROM pg_roles WHERE rolname LIKE %s", [f"{name}\\_%"]
    ).fetchall()
