"""setup() of an unchanged application passes, and its role can still change nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from langgraph.checkpoint.postgres import PostgresSaver

from tests.migrations.conftest import run_file
from tests.migrations.majors import Majors
from tests.migrations.test_other_roles import verify
from tests.migrations.test_plan import plan
from tests.migrations.test_up_roles import Roles
from tests.support.documents import commands
from tests.support.event_loop import run_in_thread
from tests.support.postgres import Database
from tests.support.postgres_versions import SUPPORTED
from tests.support.saver_session import SEEN, use, use_async
from tests.support.version_9 import TABLES

REFUSED = psycopg.errors.InsufficientPrivilege


@dataclass(frozen=True)
class Place:
    """A database whose deployer did what only a deployer may, and the roles in it."""

    database: Database
    roles: Roles
    schema: str = "public"

    @property
    def setup_schema(self) -> str:
        return f'"{self.schema}_setup"'

    @property
    def variables(self) -> dict[str, str]:
        named = {key: value for key, value in self.roles.variables().items() if key != "user"}
        return {**named, "schema": self.schema}

    def run(self, kind: str, setup: str = "true", **variables: str) -> tuple[int, str]:
        given = {"user": self.roles.migrator, **self.variables, "application_setup": setup}
        done = run_file(self.database, kind, **(given | variables))
        return done.returncode, done.stdout + done.stderr

    def up(self, setup: str = "true", **variables: str) -> str:
        status, output = self.run("up", setup, **variables)
        assert status == 0, output
        return output

    def report(self, setup: str = "true", **variables: str) -> dict[str, Any]:
        given = {"user": self.roles.migrator, **self.variables, "application_setup": setup}
        return verify(self.database, **(given | variables))

    def plan(self, setup: str = "true") -> str:
        roles = self.roles
        named = ["--owner", roles.owner, "--login", roles.migrator, "--app-role", roles.app]
        asked = ["--schema", self.schema, "--application-setup", setup]
        return plan(self.database, *named, *asked).stdout

    def application(self) -> psycopg.Connection:
        return self.database.connect(self.roles.app)

    def conninfo(self) -> str:
        return self.database.server.conninfo(self.database.name, self.roles.app)

    def set_path(self, path: str) -> None:
        role, name = self.roles.app, self.database.name
        self.database.execute(f"ALTER ROLE {role} IN DATABASE {name} SET search_path = {path}")

    def of_tables(self) -> str:
        """Return what pg_dump says of the tables' own schema, versions recorded included."""
        done = self.database.run("pg_dump", "--inserts", f'--schema="{self.schema}"')
        assert done.returncode == 0, done.stderr
        lines = done.stdout.splitlines()
        return "\n".join(x for x in lines if not x.startswith(("\\restrict", "\\unrestrict")))


def prepare(database: Database, schema: str = "public") -> Place:
    if schema != "public":
        database.execute(f'CREATE SCHEMA "{schema}"')
    roles = Roles(database.server, database, schema)
    database.execute(f'ALTER SCHEMA "{schema}" OWNER TO {roles.owner}')
    place = Place(database, roles, schema)
    database.execute(f"GRANT CREATE ON DATABASE {database.name} TO {roles.owner}")
    place.set_path(f'{place.setup_schema}, "{schema}"')
    return place


@pytest.fixture(params=["public", "La, ng"])
def anywhere(request: pytest.FixtureRequest, database: Database) -> Place:
    return prepare(database, request.param)


@pytest.fixture
def place(database: Database) -> Place:
    return prepare(database)


@pytest.fixture(params=SUPPORTED)
def on_every_server(request: pytest.FixtureRequest, majors: Majors) -> Iterator[Place]:
    created = majors(request.param).server.create_database()
    yield prepare(created)
    created.drop()


def refused_newer(place: Place, text: str) -> str:
    """Let the saver of a release to come set up, which brings a migration; return the refusal."""
    newer = type("Newer", (PostgresSaver,), {"MIGRATIONS": [*PostgresSaver.MIGRATIONS, text]})
    with newer.from_conn_string(place.conninfo()) as saver, pytest.raises(REFUSED) as raised:
        saver.setup()
    return str(raised.value)


def test_without_it_setup_is_refused(place: Place) -> None:
    run_file(place.database, "up", **place.roles.variables())

    with (
        PostgresSaver.from_conn_string(place.conninfo()) as saver,
        pytest.raises(REFUSED, match="permission denied for schema public"),
    ):
        saver.setup()


def test_setup_passes_on_every_server_changes_nothing_and_the_saver_works(
    on_every_server: Place,
) -> None:
    place = on_every_server
    said = place.up()
    before = place.of_tables()

    seen = [use(place.conninfo()), run_in_thread(use_async(place.conninfo()))]

    assert "; setup() of the application passes through schema public_setup\n" in said
    assert seen == [SEEN, SEEN]
    assert place.of_tables() == before
    assert place.report()["ok"] is True
    # Roles that other tests left on the server may be named.
    assert "public_setup" not in "".join(place.report()["warnings"])
    assert "nothing to do" in place.up()
    assert place.plan().startswith("nothing to do: ")


def test_whoever_may_alter_the_role_sets_its_path_with_the_migration(
    on_every_server: Place,
) -> None:
    place, login = on_every_server, on_every_server.roles.migrator
    server, name, app = place.database.server, place.database.name, place.roles.app
    server.execute(
        f"ALTER ROLE {app} IN DATABASE {name} RESET search_path",
        f"ALTER ROLE {login} CREATEROLE",
    )
    # From 16 on roles are altered by who has the admin option on them.
    refused = place.run("up")[0] != 0
    server.execute(f"GRANT {app} TO {login} WITH ADMIN OPTION")

    place.up()

    version = place.database.value("SELECT current_setting('server_version_num')::integer")
    assert refused is (version >= 160000)
    assert use(place.conninfo()) == SEEN
    place.up("false")
    assert place.database.value("SELECT count(*) FROM pg_db_role_setting") == 0


def test_setup_passes_in_a_schema_of_any_name(anywhere: Place) -> None:
    place = anywhere
    foretold = place.plan()
    place.up()
    before = place.of_tables()

    seen = [use(place.conninfo()), run_in_thread(use_async(place.conninfo()))]

    assert "_setup" in foretold
    assert ", through which setup() of the application passes\n" in foretold
    assert seen == [SEEN, SEEN]
    assert place.of_tables() == before
    assert place.report()["ok"] is True


FORBIDDEN = [
    "CREATE TABLE public.more (id integer)",
    *(f"ALTER TABLE {table} ADD COLUMN more integer" for table in TABLES),
    *(f"DROP TABLE public.{table}" for table in TABLES),
    *(f"TRUNCATE public.{table}" for table in TABLES),
    "CREATE INDEX more ON checkpoints (type)",
    "INSERT INTO public.checkpoint_migrations (v) VALUES (10)",
    "INSERT INTO checkpoint_migrations (v) VALUES (10)",
    "UPDATE checkpoint_migrations SET v = 10",
    "DELETE FROM checkpoint_migrations",
    "SELECT FROM public.checkpoint_migrations",
    "DROP VIEW public_setup.checkpoint_migrations",
    "DROP FUNCTION public_setup.refuse_newer_saver()",
    "DROP TRIGGER refuse_newer_saver ON public_setup.checkpoint_migrations",
    "CREATE OR REPLACE VIEW public_setup.checkpoint_migrations AS SELECT 99 AS v",
    "DROP SCHEMA public_setup CASCADE",
]


def test_the_role_can_still_change_no_table_and_record_no_version(place: Place) -> None:
    place.up()
    before = place.database.schema_dump()

    with place.application() as connection:
        for statement in FORBIDDEN:
            with pytest.raises((REFUSED, psycopg.errors.ObjectNotInPrerequisiteState)):
                connection.execute(statement.encode())
        # What is not granted is a warning of the server, and no error.
        connection.execute("GRANT USAGE ON SCHEMA public_setup TO PUBLIC")
        connection.execute("GRANT SELECT ON checkpoint_migrations TO PUBLIC")

    assert place.database.schema_dump() == before
    assert place.report()["ok"] is True


NEWER = {
    "alters a table": ("ALTER TABLE checkpoints ADD COLUMN more text", "must be owner of table"),
    "makes an index": (
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS more ON checkpoints (type)",
        "must be owner of table",
    ),
    "makes a table": (
        "CREATE TABLE IF NOT EXISTS checkpoint_more (id integer)",
        "expected a saver for version 9 of the checkpoint tables, found one that brings version "
        "10: run pulumi up with the release of the storage that knows it, then start the saver",
    ),
}


@pytest.mark.parametrize("what", NEWER)
def test_a_newer_saver_is_stopped_and_the_tables_stay_as_they_are(place: Place, what: str) -> None:
    text, sentence = NEWER[what]
    place.up()
    before = place.of_tables()

    refusals = [refused_newer(place, text) for _ in range(2)]

    assert all(sentence in refusal for refusal in refusals)
    assert place.of_tables() == before
    with PostgresSaver.from_conn_string(place.conninfo()) as saver:
        saver.setup()


def test_a_table_that_a_newer_saver_left_is_named_and_goes_where_it_hides_the_real_one(
    place: Place,
) -> None:
    place.up()
    refused_newer(place, NEWER["makes a table"][0])

    left = place.report()
    # The release of this project that knows version 10.
    place.database.execute("CREATE TABLE checkpoint_more (id integer)")
    hiding, foretold = place.report(), place.plan()
    place.up()

    assert left["ok"] is True
    assert left["warnings"] == [
        "rights: schema public_setup: expected the view of the versions alone, found table "
        "public_setup.checkpoint_more"
    ]
    sentence = (
        "public_setup.checkpoint_more: expected nothing that hides public.checkpoint_more from the "
        "application, found table public_setup.checkpoint_more: drop it"
    )
    assert hiding["problems"] == [f"rights: {sentence}"]
    assert f"\n  mend {sentence}\n" in foretold
    assert (place.report()["problems"], place.report()["warnings"]) == ([], [])


CHANGES = {
    "the view is gone": "DROP VIEW public_setup.checkpoint_migrations",
    "the view shows something else": (
        "CREATE OR REPLACE VIEW public_setup.checkpoint_migrations AS SELECT 99 AS v"
    ),
    "the view has other columns": (
        "DROP VIEW public_setup.checkpoint_migrations;\n"
        "CREATE VIEW public_setup.checkpoint_migrations AS SELECT '9'::text AS v, 1 AS w"
    ),
    "the view lets INSERTs through": (
        "CREATE OR REPLACE VIEW public_setup.checkpoint_migrations AS"
        " SELECT v FROM public.checkpoint_migrations"
    ),
    "the view asks the reader's rights": (
        "ALTER VIEW public_setup.checkpoint_migrations SET (security_invoker = true)"
    ),
    "the view is another's": "ALTER VIEW public_setup.checkpoint_migrations OWNER TO postgres",
    "the trigger is gone": (
        "DROP TRIGGER refuse_newer_saver ON public_setup.checkpoint_migrations"
    ),
    "the function is another": (
        "CREATE OR REPLACE FUNCTION public_setup.refuse_newer_saver() RETURNS trigger"
        " LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"
    ),
    "another rule": (
        "CREATE RULE more AS ON DELETE TO public_setup.checkpoint_migrations DO INSTEAD NOTHING"
    ),
    "less for the application on the view": (
        "REVOKE SELECT ON public_setup.checkpoint_migrations FROM {app}"
    ),
    "less for the application on the schema": "REVOKE CREATE ON SCHEMA public_setup FROM {app}",
    "more for the application": "GRANT DELETE ON public_setup.checkpoint_migrations TO {app}",
    "something to hand on": "GRANT CREATE ON SCHEMA public_setup TO {app} WITH GRANT OPTION",
    "others on the view": "GRANT SELECT ON public_setup.checkpoint_migrations TO PUBLIC",
    "others on the schema": "GRANT CREATE ON SCHEMA public_setup TO PUBLIC",
    "the comment is gone": "COMMENT ON SCHEMA public_setup IS NULL",
    "another path in the database": (
        "ALTER ROLE {app} IN DATABASE {database} SET search_path = public"
    ),
    "no path": "ALTER ROLE {app} IN DATABASE {database} RESET search_path",
    "the tables come first": (
        "ALTER ROLE {app} IN DATABASE {database} SET search_path = public, public_setup"
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_was_changed_fails_the_verification_and_the_next_migration_mends_it(
    place: Place, what: str
) -> None:
    place.up()
    names = {"app": place.roles.app, "database": place.database.name}
    place.database.execute(*CHANGES[what].format(**names).split(";\n"))

    report, foretold = place.report(), place.plan()
    login = "postgres" if "path" in CHANGES[what] else place.roles.migrator
    place.up(user=login)

    assert report["checks"]["rights"] is False
    assert {key for key, passed in report["checks"].items() if not passed} == {"rights"}
    assert "public_setup" in report["problems"][0]
    assert "public_setup" in foretold
    assert place.report()["ok"] is True
    assert use(place.conninfo()) == SEEN


def test_what_default_privileges_give_on_the_view_is_taken_back(place: Place) -> None:
    place.database.execute(
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {place.roles.owner} GRANT ALL ON TABLES TO PUBLIC",
        f"ALTER DEFAULT PRIVILEGES FOR ROLE {place.roles.owner} GRANT ALL ON SCHEMAS TO PUBLIC",
    )

    place.up()

    assert place.report()["ok"] is True


def test_a_path_of_more_schemas_stays_behind_the_two(place: Place) -> None:
    place.set_path('extensions, "A, b", public')

    place.up(user="postgres")
    with place.application() as connection:
        made = connection.execute("SHOW search_path").fetchone()
    place.up("false", user="postgres")
    with place.application() as connection:
        left = connection.execute("SHOW search_path").fetchone()

    assert made == ('public_setup, public, extensions, "A, b"',)
    assert left == ('public, extensions, "A, b"',)


OBSTACLES = {
    "no right on the database": (
        "REVOKE CREATE ON DATABASE {database} FROM {owner}",
        "role {owner} may not create schema public_setup: run CREATE SCHEMA public_setup "
        "AUTHORIZATION {owner}",
    ),
    "no right to set the path": (
        "ALTER ROLE {app} IN DATABASE {database} RESET search_path",
        "role {migrator} may not set the search_path of role {app}: run ALTER ROLE {app} IN "
        "DATABASE {database} SET search_path = public_setup, public",
    ),
    "another's schema": (
        "CREATE SCHEMA public_setup",
        "role {owner} may not change schema public_setup, which belongs to role postgres: run "
        "ALTER SCHEMA public_setup OWNER TO {owner}",
    ),
}


@pytest.mark.parametrize("what", OBSTACLES)
def test_a_missing_right_is_refused_before_any_change_and_its_sentence_mends_it(
    place: Place, what: str
) -> None:
    roles = vars(place.roles) | {"database": place.database.name}
    statement, sentence = (text.format(**roles) for text in OBSTACLES[what])
    place.database.execute(statement)
    before = place.database.schema_dump()

    status, output = place.run("up")
    foretold = place.plan()

    assert status == 3
    assert f"42501: {sentence}\n" in output
    assert f"\nthe migration would refuse: {sentence}" in foretold
    assert place.database.schema_dump() == before
    place.database.execute(sentence.partition(": run ")[2])
    place.up()


def test_what_the_page_has_an_administrator_do_is_enough(database: Database) -> None:
    roles = Roles(database.server, database)
    documented = commands("docs/application.md", "application setup by an administrator")
    for name, role in (("langgraph_owner", roles.owner), ("langgraph_app", roles.app)):
        documented = documented.replace(name, role)
    database.execute(
        *documented.replace("DATABASE langgraph", f"DATABASE {database.name}").split("\n")
    )

    place = Place(database, roles)
    place.up()

    assert use(place.conninfo()) == SEEN


def test_after_the_tables_were_moved_aside_the_view_shows_those_of_today(place: Place) -> None:
    place.up()
    moved = (
        commands("docs/backup.md", "lost columns").partition("<< 'SQL'\n")[2].partition("SQL")[0]
    )
    place.database.execute(*moved.strip().split("\n"))

    place.up()
    place.database.execute("DROP SCHEMA damaged CASCADE")

    assert place.report()["ok"] is True
    assert use(place.conninfo()) == SEEN


def test_it_needs_an_application_role_and_a_name_that_leaves_room(database: Database) -> None:
    place = prepare(database, "s" * 58)

    long, nobody = place.run("up"), place.run("up", app_role="")

    assert (long[0], nobody[0]) == (3, 3)
    assert "expected at most 57 bytes in the name of the tables' schema, found 58" in long[1]
    assert "expected an application role that is to call setup(), found none" in nobody[1]


def test_switched_off_nothing_of_it_stays(place: Place) -> None:
    run_file(place.database, "up", **place.roles.variables())
    before = place.database.schema_dump()
    place.up()
    refused_newer(place, NEWER["makes a table"][0])

    report, foretold = place.report("false"), place.plan("false")
    place.up("false", user="postgres")

    sentence = "schema public_setup: expected none, since setup() is not to pass, found one"
    assert report["problems"] == [f"rights: {sentence}"]
    assert "\n  drop schema public_setup, through which setup() of the application passes\n" in (
        foretold
    )
    assert place.database.schema_dump() == before
    assert place.database.value("SELECT count(*) FROM pg_db_role_setting") == 0
    assert place.report("false")["ok"] is True


def test_not_asked_for_it_stays_as_it_is(place: Place) -> None:
    place.up()
    before = place.database.schema_dump()

    without = run_file(place.database, "up", **place.roles.variables())

    assert "already at version 9, nothing to do\n" in without.stdout
    assert place.database.schema_dump() == before


def test_a_schema_of_that_name_that_the_migration_did_not_make_is_left_alone(
    place: Place,
) -> None:
    place.database.execute("CREATE SCHEMA public_setup", "CREATE TABLE public_setup.mine (x int)")

    place.up("false")
    down, _ = place.run("down", user="postgres")

    assert down == 0
    assert place.database.value("SELECT count(*) FROM public_setup.mine") == 0


FOREIGN = {
    "a table of the application with a row": (
        "{app}", "CREATE TABLE mine AS SELECT 1", "table public_setup.mine"
    ),
    "a function of the application": (
        "{app}", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "function public_setup.f()",
    ),
    "a table of somebody else": (
        "postgres", "CREATE TABLE public_setup.other (x int)", "table public_setup.other"
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["up", "down"])
@pytest.mark.parametrize("what", FOREIGN)
def test_other_objects_in_the_schema_are_not_dropped_but_named(
    place: Place, what: str, kind: str
) -> None:
    role, statement, name = FOREIGN[what]
    place.up()
    with place.database.connect(role.format(app=place.roles.app)) as connection:
        connection.execute(statement.encode())
    before = place.database.schema_dump()

    status, output = place.run(kind, "false")

    assert status == 3
    assert (
        "MG025: refusing to drop schema public_setup with other objects in it "
        f"({name}): drop or move them\n" in output
    )
    assert place.database.schema_dump() == before


def test_the_rollback_takes_the_schema_away_with_the_tables(place: Place) -> None:
    before = place.database.schema_dump()
    place.up()
    refused_newer(place, NEWER["makes a table"][0])

    status, output = place.run("down", owns_database="true")
    again, _ = place.run("down")

    assert (status, again) == (0, 0), output
    assert place.database.schema_dump() == before


def test_a_rollback_that_may_lose_data_drops_the_applications_tables_too(place: Place) -> None:
    place.up()
    with place.application() as connection:
        connection.execute("CREATE TABLE mine AS SELECT 1")

    refused, _ = place.run("down", owns_database="true")
    status, output = place.run("down", owns_database="true", allow_data_loss="true")

    assert refused == 3
    assert status == 0, output


TRAPS = [
    *(f"CREATE TABLE {table} (trap integer)" for table in TABLES[1:]),
    "CREATE FUNCTION format(text, text) RETURNS text LANGUAGE plpgsql AS"
    " $$ BEGIN RAISE 'trapped'; END $$",
    "CREATE FUNCTION trap(text, text) RETURNS boolean LANGUAGE plpgsql AS"
    " $$ BEGIN RAISE 'trapped'; END $$",
    "CREATE OPERATOR = (FUNCTION = trap, LEFTARG = text, RIGHTARG = text)",
    "CREATE TYPE jsonb AS (trap integer)",
    "INSERT INTO checkpoints VALUES (1)",
]


def test_what_a_hostile_application_puts_there_reaches_itself_alone(place: Place) -> None:
    place.up()
    with place.application() as connection:
        for statement in TRAPS:
            connection.execute(statement.encode())
    # Should anybody else ever get the schema into the path.
    for role in (place.roles.migrator, place.roles.owner, "postgres"):
        place.database.execute(
            f"ALTER ROLE {role} IN DATABASE {place.database.name}"
            " SET search_path = public_setup, public, pg_catalog"
        )
    place.database.execute("DROP INDEX public.checkpoints_thread_id_idx")

    place.up()
    report = place.report()

    assert {key for key, passed in report["checks"].items() if not passed} == {"rights"}
    assert {problem.split(": ")[1] for problem in report["problems"]} == {
        "public_setup.checkpoints"
    }, "what is empty and hides a table goes, what holds a row is named"
    assert "operator public_setup.=(text,text)" in report["warnings"][0]
    assert place.database.value("SELECT count(*) FROM public.checkpoints") == 0
    with place.application() as connection:
        connection.execute("DROP TABLE public_setup.checkpoints")
    assert place.report()["ok"] is True
