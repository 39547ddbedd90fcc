"""A database that the program made is closed to everybody else; another's is left as it is."""

import psycopg
import pytest

from tests.migrations.conftest import MIGRATIONS, run_file
from tests.migrations.test_up import held_lock
from tests.migrations.test_up_roles import Roles
from tests.support.postgres import Database, Server

PUBLIC = """
SELECT 'database ' || a.privilege_type FROM pg_database AS d,
    aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) AS a
WHERE d.datname = current_database() AND a.grantee = 0
UNION ALL
SELECT 'schema ' || a.privilege_type FROM pg_namespace AS n, aclexplode(n.nspacl) AS a
WHERE n.nspname = 'public' AND a.grantee = 0
ORDER BY 1
"""
DEFAULTS = ["database CONNECT", "database TEMPORARY", "schema USAGE"]


def of_public(database: Database) -> list[str]:
    with database.connect() as connection:
        return [row[0] for row in connection.execute(PUBLIC.encode())]


@pytest.fixture
def owned(database: Database, roles: Roles) -> dict[str, str]:
    """Give the database to the owner role; return the variables of the migration."""
    database.execute(f"ALTER DATABASE {database.name} OWNER TO {roles.owner}")
    return {**roles.variables(), "owns_database": "true"}


@pytest.fixture
def roles(server: Server, database: Database) -> Roles:
    return Roles(server, database)


def test_nobody_but_the_three_roles_may_enter_an_owned_database(
    database: Database, server: Server, roles: Roles, owned: dict[str, str]
) -> None:
    stranger = server.create_role()

    result = run_file(database, "up", **owned)

    assert result.returncode == 0, result.stderr
    assert of_public(database) == []
    with pytest.raises(psycopg.OperationalError, match="does not have CONNECT"):
        psycopg.connect(server.conninfo(database.name, stranger))
    with (
        psycopg.connect(server.conninfo(database.name, roles.app)) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("CREATE TEMPORARY TABLE checkpoints (id int)")


def test_what_public_was_given_by_hand_is_taken_back_and_nothing_else_done(
    database: Database, owned: dict[str, str]
) -> None:
    run_file(database, "up", **owned)
    second = run_file(database, "up", **owned)
    database.execute(
        f"GRANT CONNECT ON DATABASE {database.name} TO PUBLIC",
        "GRANT CREATE ON SCHEMA public TO PUBLIC",
    )

    third = run_file(database, "up", **owned)

    assert "nothing to do" in second.stdout
    assert third.returncode == 0, third.stderr
    assert of_public(database) == []


def test_somebody_elses_database_stays_open_to_whom_it_was(
    database: Database, roles: Roles, owned: dict[str, str]
) -> None:
    result = run_file(database, "up", **roles.variables())

    assert result.returncode == 0, result.stderr
    assert of_public(database) == DEFAULTS


@pytest.mark.parametrize("what", ["CONNECT ON DATABASE {}", "CREATE, USAGE ON SCHEMA public"])
def test_the_verification_names_what_public_was_given_in_an_owned_database(
    database: Database, roles: Roles, owned: dict[str, str], what: str
) -> None:
    run_file(database, "up", **owned)
    tight = run_file(database, "verify", **owned)
    grant = what.format(database.name)
    # The role may do on the schema what everybody may, which is a finding of its own.
    database.execute(f"GRANT {grant} TO PUBLIC")

    wide = run_file(database, "verify", **owned)
    of_others = run_file(database, "verify", **roles.variables())

    rights, _, place = grant.partition(" ON ")
    assert tight.returncode == 0, tight.stdout
    assert f"{place.lower()}: expected no right of PUBLIC, found {rights}" in wide.stdout
    assert wide.returncode == 3
    assert "of PUBLIC, found" not in of_others.stdout


def test_an_owned_database_that_was_never_closed_is_a_finding(
    database: Database, roles: Roles, owned: dict[str, str]
) -> None:
    run_file(database, "up", **roles.variables())

    open_still = run_file(database, "verify", **owned)

    assert f"database {database.name}: expected no right of PUBLIC, found CONNECT, TEMPORARY" in (
        open_still.stdout
    )
    assert "schema public: expected no right of PUBLIC, found USAGE" in open_still.stdout


@pytest.mark.parametrize("schema", ["graphs", 'Gr\u00e4phs "1"'])
def test_a_schema_that_an_owned_database_lacks_is_made_by_and_for_the_owner(
    database: Database, roles: Roles, owned: dict[str, str], schema: str
) -> None:
    first = run_file(database, "up", **owned, schema=schema)
    second = run_file(database, "up", **owned, schema=schema)
    verified = run_file(database, "verify", **owned, schema=schema)

    assert first.returncode == 0, first.stderr
    assert f"==> create: schema {schema}\n" in first.stdout
    assert "create: schema" not in second.stdout
    assert "nothing to do" in second.stdout
    assert verified.returncode == 0, verified.stdout
    with database.connect() as connection:
        found = connection.execute(
            "SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = %s", [schema]
        ).fetchone()
    assert found == (roles.owner,)


def test_a_refusal_takes_the_new_schema_back(database: Database, owned: dict[str, str]) -> None:
    before = database.schema_dump()

    with held_lock(database, "graphs"):
        result = run_file(database, "up", **owned, schema="graphs")

    assert "MGBSY: expected no other migration of schema graphs" in result.stderr
    assert database.schema_dump() == before


def test_an_owner_that_may_make_no_schema_is_told_so(
    database: Database, owned: dict[str, str]
) -> None:
    database.execute(f"ALTER DATABASE {database.name} OWNER TO postgres")

    result = run_file(database, "up", **owned, schema="graphs")

    assert f"42501: permission denied for database {database.name}" in result.stderr


def test_somebody_elses_database_gets_no_schema(database: Database, roles: Roles) -> None:
    result = run_file(database, "up", **roles.variables(), schema="graphs")

    assert "MG003: expected schema graphs" in result.stderr


def test_the_plan_foretells_the_schema(database: Database) -> None:
    arguments = ("--schema", "graphs", "--owns-database")
    said = database.run(str(MIGRATIONS / "plan_migration.sh"), *arguments)

    assert f"database {database.name} has no schema graphs yet" in said.stdout
    assert said.stdout.splitlines()[1] == "  create schema graphs"
