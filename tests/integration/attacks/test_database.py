"""Roles that may do something in the database, and try to do more."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from tests.support.database import TABLES, application_credential, as_parameters, connect, dump
from tests.support.deployment import Deployment
from tests.support.pods import Pods

# Every way past the rows of three tables that PostgreSQL has for a role without rights.
ATTEMPTS = {
    "CREATE TABLE mine (id int)": "42501",
    "CREATE TEMPORARY TABLE checkpoints (id int)": "42501",
    "CREATE SCHEMA mine": "42501",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'": "42501",
    "CREATE EXTENSION file_fdw": "42501",
    "CREATE DATABASE mine": "42501",
    "CREATE ROLE mine": "42501",
    "ALTER ROLE CURRENT_USER SUPERUSER": "42501",
    "ALTER TABLE checkpoints ADD COLUMN mine int": "42501",
    "ALTER TABLE checkpoints DISABLE TRIGGER ALL": "42501",
    "CREATE INDEX ON checkpoints (type)": "42501",
    "CREATE TRIGGER t BEFORE INSERT ON checkpoints EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger()": "42501",  # noqa: E501
    "DROP TABLE checkpoints": "42501",
    "TRUNCATE checkpoints": "42501",
    "SELECT * FROM checkpoint_migrations": "42501",
    "INSERT INTO checkpoint_migrations VALUES (42)": "42501",
    "GRANT ALL ON checkpoint_migrations TO PUBLIC": "42501",
    "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT ALL ON TABLES TO PUBLIC": "42501",
    "SET ROLE {owner}": "42501",
    "SET ROLE {migrator}": "42501",
    "SET SESSION AUTHORIZATION {owner}": "42501",
    "COPY checkpoints TO '/tmp/out'": "42501",
    "COPY checkpoints FROM '/etc/passwd'": "42501",
    "COPY checkpoints TO PROGRAM 'id'": "42501",
    "COPY checkpoints FROM PROGRAM 'id'": "42501",
    "SELECT pg_read_file('/etc/passwd')": "42501",
    "SELECT lo_import('/etc/passwd')": "42501",
    "SELECT * FROM pg_authid": "42501",
    "SELECT pg_reload_conf()": "42501",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename <> CURRENT_USER": "42501",
    "ALTER SYSTEM SET log_statement = 'all'": "42501",
    "ALTER DATABASE {database} SET search_path = mine": "42501",
    "COMMENT ON TABLE checkpoints IS 'mine'": "42501",
    "DO LANGUAGE plpython3u $$ $$": "42704",
}


@pytest.fixture(scope="module")
def application(dev: Deployment) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    credential = as_parameters(application_credential(dev))
    with connect(dev, dev.settings["databaseName"], credential) as connection:
        yield connection


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_the_application_role_may_do_nothing_but_rows(
    dev: Deployment, application: psycopg.Connection[tuple[object, ...]], attempt: str
) -> None:
    database = dev.settings["databaseName"]
    names = {"owner": f"{database}_owner", "migrator": f"{database}_migrator"}
    quoted = {key: sql.Identifier(name).as_string() for key, name in names.items()}
    statement = attempt.format(database=sql.Identifier(database).as_string(), **quoted)

    with pytest.raises(psycopg.Error) as refused:
        application.execute(statement.encode())

    assert refused.value.sqlstate == ATTEMPTS[attempt]


def test_the_search_path_of_every_login_is_the_one_schema(
    dev: Deployment, application: psycopg.Connection[tuple[object, ...]]
) -> None:
    assert application.execute("SHOW search_path").fetchone() == ("public",)
    with connect(dev, dev.settings["databaseName"]) as admin:
        paths = admin.execute(
            "SELECT setconfig FROM pg_db_role_setting JOIN pg_roles r ON r.oid = setrole"
            " WHERE rolname = %s",
            [f"{dev.settings['databaseName']}_migrator"],
        ).fetchall()
    assert paths == [(["search_path=public"],)]


def test_the_database_is_closed_to_other_logins_of_the_server(dev: Deployment) -> None:
    database = dev.settings["databaseName"]
    with connect(dev, "postgres") as admin:
        admin.execute("CREATE ROLE stranger LOGIN PASSWORD 'stranger'")
        with pytest.raises(psycopg.OperationalError, match="does not have CONNECT"):
            connect(dev, database, {"user": "stranger", "password": "stranger"})
        admin.execute("DROP ROLE stranger")


TRAP = "LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped''; END'"


@pytest.fixture
def hijacked(dev: Deployment) -> Iterator[str]:
    """Give the migrator a schema of its own name, full of traps, first in its search_path."""
    database = dev.settings["databaseName"]
    migrator = sql.Identifier(f"{database}_migrator")
    shadows = [sql.SQL("CREATE SCHEMA {}").format(migrator)]
    shadows += [
        sql.SQL("CREATE TABLE {}.{} (id int)").format(migrator, sql.Identifier(table))
        for table in TABLES
    ]
    functions = ("quote_ident(name)", "format(text, text)", "eq(name, text)", "count(bigint)")
    traps = (
        *(f"CREATE FUNCTION {{}}.{name} RETURNS boolean {TRAP}" for name in functions),
        "CREATE OPERATOR {}.= (LEFTARG = name, RIGHTARG = text, FUNCTION = {}.eq)",
        "CREATE DOMAIN {}.text AS varchar(3)",
        "GRANT USAGE ON SCHEMA {} TO PUBLIC",
    )
    path = sql.SQL("ALTER ROLE {} SET search_path = {}, public, pg_catalog")
    with connect(dev, database) as admin:
        for statement in shadows:
            admin.execute(statement)
        for trap in traps:
            admin.execute(sql.SQL(trap.replace("{}", "{0}")).format(migrator))  # pyright: ignore
        admin.execute(path.format(migrator, migrator))
        yield f"{database}_migrator"
        admin.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(migrator))
        admin.execute(sql.SQL("ALTER ROLE {} SET search_path = public").format(migrator))


def test_a_schema_that_comes_first_is_neither_used_nor_believed(
    dev: Deployment, pods: Pods, hijacked: str
) -> None:
    database = dev.settings["databaseName"]
    before = dump(dev, database)
    with connect(dev, database) as admin:
        admin.execute("DROP INDEX public.checkpoints_thread_id_idx")

    pods.create(pods.pod("hijacked-up")).expect()
    pods.end("hijacked-up", "Succeeded")
    pods.create(pods.pod("hijacked-verify", "verification")).expect()
    ended = pods.end("hijacked-verify", "Succeeded")

    assert dump(dev, database) == before
    assert '"ok":true' in ended["verify"]["message"].replace(" ", "")
