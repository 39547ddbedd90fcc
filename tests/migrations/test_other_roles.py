"""Nobody but owner, application and named readers gets in, and whoever is in already is named."""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg import sql

from tests.conftest import run_setup
from tests.migrations.conftest import run_file
from tests.migrations.majors import Majors
from tests.migrations.test_plan import plan
from tests.migrations.test_up_roles import Roles
from tests.support.documents import commands
from tests.support.postgres import PASSWORD, Database
from tests.support.postgres_versions import SUPPORTED
from tests.support.version_9 import INDEXED, TABLES

API_ROLES = "tests/fixtures/api_roles.sql"
STRANGERS = ("api_anonymous", "api_service", "api_user", "reports")
HOLDERS = """
    SELECT c.relname::text, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee) END
    FROM pg_class AS c CROSS JOIN LATERAL (
        SELECT grantee FROM aclexplode(c.relacl)
        UNION
        SELECT x.grantee FROM pg_attribute AS col, aclexplode(col.attacl) AS x
        WHERE col.attrelid = c.oid
    ) AS a
    WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
"""


@pytest.fixture(params=SUPPORTED)
def anywhere(request: pytest.FixtureRequest, majors: Majors) -> Iterator[Database]:
    """Return an empty database of each supported version."""
    created = majors(request.param).server.create_database()
    yield created
    created.drop()


@pytest.fixture
def roles(database: Database) -> Roles:
    return Roles(database.server, database)


def let_in_the_api(database: Database, maker: str) -> None:
    done = database.run(
        *("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", f"maker={maker}"),
        *("-v", f"password={PASSWORD}", "-f", API_ROLES),
    )
    assert done.returncode == 0, done.stderr


def holders(database: Database) -> dict[str, set[str]]:
    found = defaultdict[str, set[str]](set)
    with database.connect() as connection:
        for table, grantee in connection.execute(HOLDERS.encode()):
            found[table].add(grantee)
    return dict(found)


def verify(database: Database, **variables: str) -> dict[str, Any]:
    done = run_file(database, "verify", format="json", **variables)
    assert done.stdout, done.stderr
    assert len(done.stdout.strip().encode()) <= 4000
    return json.loads(done.stdout)


def adopt(database: Database, *statements: str) -> None:
    """Let PostgresSaver make the tables, and others in."""
    run_setup(database)
    database.execute(*statements)


def test_tables_that_the_migration_makes_belong_to_owner_and_application_alone(
    anywhere: Database,
) -> None:
    roles = Roles(anywhere.server, anywhere)
    let_in_the_api(anywhere, roles.owner)

    up = run_file(anywhere, "up", **roles.variables())

    assert up.returncode == 0, up.stderr
    assert holders(anywhere) == {table: {roles.owner, roles.app} for table in INDEXED} | {
        "checkpoint_migrations": {roles.owner}
    }
    report = verify(anywhere, **roles.variables())
    assert (report["ok"], report["warnings"]) == (True, [])
    with anywhere.connect("api_anonymous") as connection:
        for table in TABLES:
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
                connection.execute(sql.SQL("SELECT FROM {}").format(sql.Identifier(table)))


def test_the_application_still_puts_gets_lists_and_deletes(anywhere: Database) -> None:
    roles = Roles(anywhere.server, anywhere)
    let_in_the_api(anywhere, roles.owner)
    run_file(anywhere, "up", **roles.variables())
    conninfo = anywhere.server.conninfo(anywhere.name, roles.app)

    with PostgresSaver.from_conn_string(conninfo) as saver:
        config: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
        checkpoint: Any = {
            **{"v": 4, "id": "1", "ts": "", "versions_seen": {}},
            **{"channel_values": {"c": "x"}, "channel_versions": {"c": "1"}},
        }
        saved = saver.put(config, checkpoint, {"step": 1}, {"c": "1"})
        saver.put_writes(saved, [("c", "y")], "task")
        found = saver.get_tuple(saved)
        listed = list(saver.list(config))
        saver.delete_thread("t")
        left = saver.get_tuple(saved)

    assert found
    assert found.checkpoint["channel_values"] == {"c": "x"}
    assert (len(listed), left) == (1, None)


# A block with a handler writes as a subtransaction, which has a number of its own.
HANDLED = "BEGIN {} EXCEPTION WHEN others THEN RAISE; END;"


@pytest.mark.parametrize("block", ["{}", HANDLED], ids=["plain", "with an exception handler"])
def test_what_an_event_trigger_grants_on_new_tables_is_taken_back(
    database: Database, roles: Roles, block: str
) -> None:
    role = database.server.create_role("NOLOGIN")
    grant = f"EXECUTE format('GRANT ALL ON %s TO {role}', made);"
    database.execute(
        "CREATE FUNCTION let_in() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS"
        " $$ DECLARE made text; BEGIN FOR made IN SELECT object_identity"
        " FROM pg_event_trigger_ddl_commands() WHERE object_type = 'table' LOOP"
        f" {block.format(grant)} END LOOP; END $$",
        "CREATE EVENT TRIGGER let_in ON ddl_command_end WHEN TAG IN ('CREATE TABLE')"
        " EXECUTE FUNCTION let_in()",
    )

    up = run_file(database, "up", **roles.variables())

    assert up.returncode == 0, up.stderr
    assert not any(role in found for found in holders(database).values())


def test_rights_on_tables_that_were_there_stay_and_are_named_by_verification_and_plan(
    anywhere: Database,
) -> None:
    let_in_the_api(anywhere, "postgres")
    adopt(
        anywhere,
        "GRANT UPDATE (type) ON checkpoints TO reports",
        *(f"REVOKE ALL ON {table} FROM PUBLIC" for table in TABLES),
    )
    before = holders(anywhere)

    up = run_file(anywhere, "up")
    report, of_ones_own = verify(anywhere), verify(anywhere, owns_database="true")
    said = plan(anywhere)

    assert "nothing to do" in up.stdout
    assert holders(anywhere) == before
    assert report["ok"] is True
    everywhere = ", ".join(sorted(TABLES))
    warnings = "\n".join(f"warning: {w.removeprefix('rights: ')}" for w in report["warnings"])
    assert said.returncode == 0
    assert warnings in said.stdout
    for role in STRANGERS:
        assert f"warning: {role}: expected no right on the tables, found " in warnings
    assert "api_anonymous: expected no right on the tables, found SELECT, INSERT, " in warnings
    assert f"TRIGGER on {everywhere}\n" in warnings or f"MAINTAIN on {everywhere}\n" in warnings
    assert f" with grant option on {everywhere}\n" in warnings
    assert "reports: expected no right on the tables, found SELECT, UPDATE (type) on" in warnings
    assert of_ones_own["checks"]["rights"] is False


def test_a_right_of_everybody_on_a_table_fails_and_the_plan_foretells_it(
    database: Database,
) -> None:
    adopt(database, "GRANT SELECT ON checkpoints TO PUBLIC")

    report, said = verify(database), plan(database).stdout

    line = "checkpoints: expected no right of PUBLIC, found SELECT"
    assert report["problems"] == [f"rights: {line}"]
    assert f"\nthe verification would fail: {line}\n" in said


def test_warnings_are_told_from_checks_in_the_text(database: Database) -> None:
    role = database.server.create_role()
    adopt(database, f"GRANT SELECT ON checkpoints TO {role}")

    text = run_file(database, "verify").stdout

    assert "\nPASS  rights        none for PUBLIC, for others more than needed\n" in text
    said = f"{role}: expected no right on the tables, found SELECT on checkpoints"
    assert f"\nWARN  rights        {said}\n" in text


def test_many_warnings_and_problems_fit_into_a_termination_message(database: Database) -> None:
    strangers = [database.server.create_role("NOLOGIN") for _ in range(30)]
    grants = [f"GRANT ALL ON {table} TO {', '.join(strangers)}" for table in TABLES]
    adopt(database, *grants)

    report = verify(database)
    database.execute("ALTER TABLE checkpoints ADD extra integer")
    failed = verify(database)

    assert report["ok"] is True
    assert report["warnings"][-1].startswith("… and ")
    assert len(failed["problems"]) == 1
    assert failed["warnings"][-1].startswith("… and ")


MORE_THAN_NEEDED = {
    "all on a table": ("GRANT ALL ON checkpoints TO {}", "checkpoints", "DELETE, REFERENCES"),
    "create for everybody": (
        "GRANT CREATE ON SCHEMA public TO PUBLIC", "schema public", "USAGE, CREATE"
    ),
    "a superuser": ("ALTER ROLE {} SUPERUSER", "{}", "a superuser"),
    "the owner": ("ALTER TABLE checkpoints OWNER TO {}", "{}", "it or a member of it"),
}  # fmt: skip


@pytest.mark.parametrize("what", MORE_THAN_NEEDED)
def test_more_rights_of_the_application_than_it_needs_are_a_warning_in_somebody_elses_database(
    database: Database, what: str
) -> None:
    statement, place, words = MORE_THAN_NEEDED[what]
    app = database.server.create_role()
    run_file(database, "up", app_role=app)
    database.execute(statement.format(app))

    report = verify(database, app_role=app)
    of_ones_own = verify(database, app_role=app, owns_database="true")
    said = plan(database, "--app-role", app).stdout

    start = f"{place.format(app)}: expected "
    warned = [w for w in report["warnings"] if w.startswith(f"rights: {start}") and words in w]
    assert (report["ok"], len(warned)) == (True, 1), report
    assert f"\nwarning: {warned[0].removeprefix('rights: ')}" in said
    assert any(p == warned[0] for p in of_ones_own["problems"])


def test_members_of_owner_and_application_and_readers_of_everything_are_named(
    anywhere: Database,
) -> None:
    server = anywhere.server
    roles = Roles(server, anywhere)
    anywhere.execute(f"ALTER DATABASE {anywhere.name} OWNER TO {roles.owner}")
    variables = roles.variables() | {"owns_database": "true"}
    run_file(anywhere, "up", **variables)
    before = verify(anywhere, **variables)
    heir, twin, backup, away = (server.create_role() for _ in range(4))
    anywhere.execute(
        f"GRANT {roles.owner} TO {heir}",
        f"GRANT {roles.app} TO {twin}",
        f"GRANT pg_read_all_data TO {backup}, {away}",
        f"GRANT CONNECT ON DATABASE {anywhere.name} TO {backup}",
    )

    report = verify(anywhere, **variables)
    named = plan(
        anywhere, "--owner", roles.owner, "--login", roles.migrator, "--app-role", roles.app
    ).stdout

    assert (before["ok"], before["warnings"]) == (True, [])
    assert report["ok"] is True
    expected = {roles.owner: heir, roles.app: twin, "pg_read_all_data": backup}
    for role, member in expected.items():
        line = f"{role}: expected no other role that may act as it, found {member}"
        assert f"rights: {line}" in report["warnings"]
        assert f"\nwarning: {line}\n" in named
    assert len(report["warnings"]) == 3


def test_readers_may_read_rows_and_nothing_else(anywhere: Database) -> None:
    roles = Roles(anywhere.server, anywhere)
    one, two = anywhere.server.create_role(), anywhere.server.create_role()
    anywhere.execute(
        f"ALTER DATABASE {anywhere.name} OWNER TO {roles.owner}",
        f'ALTER ROLE {two} RENAME TO "re ader {two}"',
    )
    spaced = f"re ader {two}"
    password = sql.Literal(PASSWORD).as_string()
    anywhere.execute(f'ALTER ROLE "{spaced}" PASSWORD {password}')
    variables = roles.variables() | {"owns_database": "true", "readers": f"{one}, {spaced}"}

    up, again = run_file(anywhere, "up", **variables), run_file(anywhere, "up", **variables)

    assert up.returncode == 0, up.stderr
    assert "nothing to do" in again.stdout
    report = verify(anywhere, **variables)
    assert (report["ok"], report["warnings"]) == (True, []), report
    for role in (one, spaced):
        with anywhere.connect(role) as connection:
            for table in INDEXED:
                connection.execute(f"SELECT FROM {table}".encode())
            for statement in (
                "SELECT FROM checkpoint_migrations",
                "DELETE FROM checkpoints",
                "CREATE TABLE public.mine ()",
                "CREATE TEMPORARY TABLE mine ()",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement.encode())


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ("REVOKE SELECT ON checkpoints FROM {}",
         "checkpoints: expected SELECT of role {}, found none"),
        ("REVOKE USAGE ON SCHEMA public FROM PUBLIC, {}",
         "schema public: expected USAGE of role {}, found none"),
    ],
)  # fmt: skip
def test_what_a_reader_lacks_is_found_foretold_and_mended(
    database: Database, statement: str, line: str
) -> None:
    reader = database.server.create_role()
    run_file(database, "up", readers=reader)
    database.execute(statement.format(reader))

    report = verify(database, readers=reader)
    said = plan(database, "--readers", reader).stdout
    run_file(database, "up", readers=reader)

    assert report["problems"] == [f"rights: {line.format(reader)}"]
    assert "\n  bring the rights up to date\n" in said
    assert verify(database, readers=reader)["ok"] is True


def test_what_a_reader_may_do_beyond_reading_is_named(database: Database) -> None:
    reader = database.server.create_role()
    run_file(database, "up", readers=reader)
    database.execute(f"GRANT INSERT ON checkpoints TO {reader}")

    report = verify(database, readers=reader)

    assert report["warnings"] == [
        f"rights: {reader}: expected no right on the tables, found INSERT on checkpoints"
    ]


@pytest.mark.parametrize("variable", ["readers", "app_role", "owner"])
def test_a_role_that_is_not_there_is_refused_and_foretold(
    database: Database, variable: str
) -> None:
    up = run_file(database, "up", **{variable: "absent"})
    said = plan(database, f"--{variable.replace('_', '-')}", "absent")

    assert "MG004: expected " in up.stderr
    assert said.returncode == 10
    assert said.stdout == (
        "refused: expected role absent, found no such role: create it or name another\n"
    )
    assert holders(database) == {}


@pytest.mark.parametrize("table", INDEXED)
@pytest.mark.parametrize("right", ["INSERT", "UPDATE", "DELETE"])
def test_a_right_that_the_owner_lost_is_found_and_given_back(
    database: Database, roles: Roles, table: str, right: str
) -> None:
    run_file(database, "up", **roles.variables())
    database.execute(f"REVOKE {right} ON {table} FROM {roles.owner}")

    report = verify(database, **roles.variables())
    up = run_file(database, "up", **roles.variables())

    assert report["checks"]["rights"] is False
    assert any(
        p.startswith(f"rights: {table}: expected SELECT, INSERT, UPDATE, DELETE of role"
                     f" {roles.owner}, found ") for p in report["problems"]
    )  # fmt: skip
    assert up.returncode == 0, up.stderr
    assert verify(database, **roles.variables())["ok"] is True


@pytest.mark.parametrize("right", ["UPDATE", "DELETE"])
def test_a_right_that_a_login_role_lacks_on_somebody_elses_tables_is_found(
    database: Database, right: str
) -> None:
    login = database.server.create_role()
    adopt(database, *(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {t} TO {login}" for t in TABLES))
    whole = verify(database, user=login)
    database.execute(f"REVOKE {right} ON checkpoint_blobs FROM {login}")

    report = verify(database, user=login)

    assert whole["ok"] is True
    left = ", ".join(r for r in ("SELECT", "INSERT", "UPDATE", "DELETE") if r != right)
    line = f"expected SELECT, INSERT, UPDATE, DELETE of role {login}, found {left}"
    assert report["problems"] == [f"rights: checkpoint_blobs: {line}"]


# What is changed, what is said of whom, and the statement of docs/drift.md that mends it.
MENDED = {
    "another role": (
        "GRANT ALL ON checkpoints TO {other}",
        "{other}: expected no right on the tables, found ",
        "REVOKE ALL ON {table} FROM {role}",
        "other",
    ),
    "everybody": (
        "GRANT SELECT, UPDATE (type) ON checkpoints TO PUBLIC",
        "checkpoints: expected no right of PUBLIC, found ",
        "REVOKE ALL ON {table} FROM PUBLIC",
        "",
    ),
    "a member": (
        "GRANT {owner} TO {other}",
        "{owner}: expected no other role that may act as it, found {other}",
        "REVOKE {role} FROM {other}",
        "owner",
    ),
    "too much": (
        "GRANT ALL ON checkpoints TO {application}",
        "checkpoints: expected SELECT, INSERT, UPDATE, DELETE of role {application}, found ",
        "REVOKE TRUNCATE, REFERENCES, TRIGGER ON {table} FROM {application}",
        "application",
    ),
    "a schema of before PostgreSQL 15": (
        "GRANT CREATE ON SCHEMA public TO PUBLIC",
        "schema public: expected USAGE of role {application}, found USAGE, CREATE",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        "application",
    ),
    "too little": (
        "REVOKE UPDATE ON checkpoints FROM {application}",
        "checkpoints: expected SELECT, INSERT, UPDATE, DELETE of role {application}, found ",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {role}",
        "application",
    ),
    "no connection": (
        "REVOKE CONNECT ON DATABASE {database} FROM PUBLIC;"
        " GRANT CONNECT ON DATABASE {database} TO {login}",
        "database {database}: expected CONNECT of role {application}, found none",
        "GRANT CONNECT ON DATABASE {database} TO {role}",
        "application",
    ),
    "another owner": (
        "ALTER TABLE checkpoints OWNER TO {other}",
        "checkpoints: expected owner {owner}, found {other}",
        "ALTER TABLE {table} OWNER TO {owner}",
        "",
    ),
}


@pytest.mark.parametrize("what", MENDED)
def test_the_documented_cure_of_each_finding_ends_it(
    database: Database, roles: Roles, what: str
) -> None:
    change, said, cure, role = MENDED[what]
    names = {"owner": roles.owner, "application": roles.app, "other": database.server.create_role()}
    names |= {"database": database.name, "login": roles.migrator}
    names |= {"table": "checkpoints", "role": names.get(role, "")}
    documented = cure.format(**{name: name.upper() for name in names})
    run_file(database, "up", **roles.variables())

    database.execute(change.format(**names))
    broken = verify(database, **roles.variables())
    database.execute(cure.format(**names))
    mended = verify(database, **roles.variables())

    assert f"`{documented}`" in Path("docs/drift.md").read_text()
    found = broken["problems"] + broken["warnings"]
    assert any(line.startswith(f"rights: {said.format(**names)}") for line in found), found
    assert (mended["problems"], mended["warnings"]) == ([], [])


def test_an_application_that_may_not_connect_is_found(database: Database, roles: Roles) -> None:
    variables = roles.variables() | {"owns_database": "true"}
    database.execute(f"ALTER DATABASE {database.name} OWNER TO {roles.owner}")
    run_file(database, "up", **variables)
    database.execute(f"REVOKE CONNECT ON DATABASE {database.name} FROM {roles.app}")

    report = verify(database, **variables)
    up = run_file(database, "up", **variables)

    line = f"database {database.name}: expected CONNECT of role {roles.app}, found none"
    assert report["problems"] == [f"rights: {line}"]
    assert up.returncode == 0, up.stderr
    assert verify(database, **variables)["ok"] is True


def test_the_documented_roles_of_monitoring_and_of_the_plan_are_no_failure_anywhere(
    database: Database, roles: Roles
) -> None:
    variables = roles.variables() | {"owns_database": "true"}
    database.execute(f"ALTER DATABASE {database.name} OWNER TO {roles.owner}")
    run_file(database, "up", **variables)
    for text, name in (
        (commands("docs/monitoring.md", "role"), "checkpoint_metrics"),
        (commands("docs/ci.md", "reader"), "langgraph_reader"),
    ):
        text = text.replace("…", PASSWORD).replace(name, f"{name}_{database.name}")
        here = text.replace("DATABASE langgraph ", f"DATABASE {database.name} ")
        database.execute(*here.strip().split(";\n"))

    report = verify(database, **variables)

    assert report["ok"] is True, report
    expected = "expected no right on the tables, found SELECT"
    assert report["warnings"] == [
        f"rights: checkpoint_metrics_{database.name}: {expected} (checkpoint_id), SELECT (ctid)"
        " on checkpoints",
        f"rights: checkpoint_metrics_{database.name}: {expected} (v) on checkpoint_migrations",
        f"rights: langgraph_reader_{database.name}: {expected} on checkpoint_migrations",
    ]
    database.execute(
        *(f"DROP OWNED BY {n}_{database.name}" for n in ("checkpoint_metrics", "langgraph_reader")),
        *(f"DROP ROLE {n}_{database.name}" for n in ("checkpoint_metrics", "langgraph_reader")),
    )
