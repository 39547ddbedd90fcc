"""The owner role owns the tables, the application role may use three of them."""

import json

import psycopg
import pytest
from langgraph.checkpoint.postgres import PostgresSaver

from tests.migrations.conftest import run_file
from tests.migrations.test_up import make_history
from tests.support.documents import commands
from tests.support.postgres import PASSWORD, Database, Server

TABLES = ["checkpoint_blobs", "checkpoint_migrations", "checkpoint_writes", "checkpoints"]


class Roles:
    """An owner that cannot log in, a migrator that may act as the owner, and an application."""

    def __init__(self, server: Server, database: Database, schema: str = "public") -> None:
        self.owner = server.create_role("NOLOGIN")
        self.migrator = server.create_role()
        self.app = server.create_role()
        database.execute(
            f"GRANT {self.owner} TO {self.migrator}",
            f'GRANT USAGE, CREATE ON SCHEMA "{schema}" TO {self.owner}',
        )

    def variables(self) -> dict[str, str]:
        return {"user": self.migrator, "owner": self.owner, "app_role": self.app}


@pytest.fixture
def roles(server: Server, database: Database) -> Roles:
    return Roles(server, database)


def rights(database: Database, role: str) -> dict[str, list[str]]:
    with database.connect() as connection:
        found = connection.execute(
            "SELECT table_name, array_agg(privilege_type::text ORDER BY privilege_type)"
            " FROM information_schema.role_table_grants WHERE grantee = %s GROUP BY 1",
            [role],
        ).fetchall()
    return dict(found)


def test_the_documented_roles_will_do(database: Database) -> None:
    roles = commands("docs/permissions.md", "roles").replace("…", PASSWORD)
    database.execute(*roles.replace("langgraph", database.name).strip().split(";\n"))
    owner, migrator = f"{database.name}_owner", f"{database.name}_migrator"

    result = run_file(database, "up", user=migrator, owner=owner)

    assert result.returncode == 0, result.stderr


def test_the_owner_role_owns_every_table(database: Database, roles: Roles) -> None:
    result = run_file(database, "up", **roles.variables())

    assert result.returncode == 0, result.stderr
    with database.connect() as connection:
        owners = connection.execute(
            "SELECT tablename, tableowner FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        ).fetchall()
    assert owners == [(table, roles.owner) for table in TABLES]


def test_the_application_role_gets_exactly_its_rights(database: Database, roles: Roles) -> None:
    run_file(database, "up", **roles.variables())

    expected = ["DELETE", "INSERT", "SELECT", "UPDATE"]
    assert rights(database, roles.app) == {
        table: expected for table in TABLES if table != "checkpoint_migrations"
    }


def test_default_privileges_give_nobody_more(database: Database, roles: Roles) -> None:
    database.execute(
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {roles.owner} GRANT ALL ON TABLES"
        f" TO {roles.app}, PUBLIC"
    )

    result = run_file(database, "up", **roles.variables())
    report = run_file(
        database, "verify", user=roles.migrator, owner=roles.owner, app_role=roles.app
    )

    assert result.returncode == 0, result.stderr
    assert report.returncode == 0, report.stdout
    usual = ["DELETE", "INSERT", "SELECT", "UPDATE"]
    assert rights(database, roles.app) == {
        "checkpoints": usual,
        "checkpoint_blobs": usual,
        "checkpoint_writes": usual,
    }


def test_the_application_role_can_run_the_saver_and_no_ddl(
    database: Database, server: Server, roles: Roles
) -> None:
    run_file(database, "up", **roles.variables())
    connection_string = server.conninfo(database.name, roles.app)

    with PostgresSaver.from_conn_string(connection_string) as saver:
        config = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
        checkpoint = {"v": 4, "id": "1", "ts": "", "channel_values": {}, "channel_versions": {},
                      "versions_seen": {}}  # fmt: skip
        saved = saver.put(config, checkpoint, {"step": 1}, {})  # pyright: ignore
        saver.put_writes(saved, [("channel", "value")], "task")
        loaded = saver.get_tuple(saved)

        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            saver.setup()

    assert loaded
    assert loaded.pending_writes == [("task", "channel", "value")]


def test_the_schema_is_opened_to_the_application_role(database: Database, server: Server) -> None:
    owner, app = server.create_role("NOLOGIN"), server.create_role("NOLOGIN")
    database.execute(f'CREATE SCHEMA "La ng" AUTHORIZATION {owner}')

    result = run_file(database, "up", schema="La ng", owner=owner, app_role=app)

    assert result.returncode == 0, result.stderr
    assert database.value(f"SELECT has_schema_privilege('{app}', 'La ng', 'USAGE')")
    assert not database.value(f"SELECT has_schema_privilege('{app}', 'La ng', 'CREATE')")


def test_missing_rights_are_granted_to_a_finished_schema(database: Database, roles: Roles) -> None:
    run_file(database, "up", user=roles.migrator, owner=roles.owner)
    assert rights(database, roles.app) == {}

    run_file(database, "up", **roles.variables())
    again = run_file(database, "up", **roles.variables())

    assert len(rights(database, roles.app)) == 3
    assert "nothing to do" in again.stdout


def test_role_names_are_quoted(database: Database, server: Server) -> None:
    server.execute('CREATE ROLE "Own er"', 'CREATE ROLE "a""pp"')
    database.execute('GRANT CREATE ON SCHEMA public TO "Own er"')

    result = run_file(database, "up", owner="Own er", app_role='a"pp')

    assert result.returncode == 0, result.stderr
    assert len(rights(database, 'a"pp')) == 3


def test_a_role_that_may_not_act_as_the_owner_is_told_the_grant(
    database: Database, server: Server, roles: Roles
) -> None:
    stranger = server.create_role()

    result = run_file(database, "up", user=stranger, owner=roles.owner)

    assert "42501" in result.stderr
    assert f"run GRANT {roles.owner} TO {stranger}" in result.stderr


def test_a_schema_that_cannot_be_opened_is_refused_before_any_write(
    database: Database, server: Server
) -> None:
    owner, app = server.create_role("NOLOGIN"), server.create_role("NOLOGIN")
    database.execute("CREATE SCHEMA closed", f"GRANT USAGE, CREATE ON SCHEMA closed TO {owner}")

    result = run_file(database, "up", schema="closed", owner=owner, app_role=app)

    assert "42501" in result.stderr
    assert f"run GRANT USAGE ON SCHEMA closed TO {app} as the owner" in result.stderr
    assert database.value("SELECT count(*) FROM pg_tables WHERE schemaname = 'closed'") == 0


def test_tables_whose_rights_cannot_be_granted_are_refused_before_any_write(
    database: Database, roles: Roles
) -> None:
    make_history(database, "2.0.9 at version 8 without task_path", rows=False)
    database.execute(f"ALTER TABLE checkpoint_writes OWNER TO {roles.owner}",
                     f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {roles.owner}")  # fmt: skip
    before = database.schema_dump()

    result = run_file(database, "up", **roles.variables())

    assert "42501" in result.stderr
    assert "may not grant rights on table" in result.stderr
    assert database.schema_dump() == before


def test_a_migrator_without_the_owners_rights_verifies_as_the_owner(
    server: Server, database: Database, roles: Roles
) -> None:
    # Such members may SET ROLE and hold no right of the owner until they do.
    server.execute(f"ALTER ROLE {roles.migrator} NOINHERIT")
    migrated = run_file(database, "up", **roles.variables())

    verified = run_file(database, "verify", user=roles.migrator, owner=roles.owner, format="json")

    assert migrated.returncode == 0, migrated.stderr
    assert verified.returncode == 0, verified.stdout
    assert json.loads(verified.stdout)["role"] == roles.migrator
