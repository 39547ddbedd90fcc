"""Every ancestor on every supported server ends as the schema that the newest saver makes there."""

from pathlib import Path

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.postgres import PostgresSaver

from devstack.postgresql import server_programs
from tests.migrations.ancestors import ANCESTORS, NEWEST, OLDEST, RELEASED, TYPICAL, Ancestor
from tests.migrations.conftest import psql_command, run_file
from tests.migrations.majors import Major, Majors
from tests.support.postgres import Database
from tests.support.postgres_versions import SUPPORTED

OLDEST_SERVER = SUPPORTED[0]
THREAD: RunnableConfig = {"configurable": {"thread_id": "thread-1"}}
MESSAGES = [
    {"role": "user", "content": "hello 😀"},
    {"role": "assistant", "content": "and back"},
]


def read_thread(database: Database) -> dict[str, object] | None:
    with PostgresSaver.from_conn_string(database.server.conninfo(database.name)) as saver:
        saver.setup()
        found = saver.get_tuple(THREAD)
    return found and found.checkpoint["channel_values"]


def converge(major: Major, ancestor: Ancestor) -> None:
    """Migrate an ancestor and compare every trace with what was there and what setup() makes."""
    database = major.database
    ancestor.load(database)
    columns = major.columns()
    rows = major.rows(columns)

    up = run_file(database, "up")

    assert up.returncode == 0, up.stderr
    assert database.schema_dump() == major.setup_dump
    assert major.versions() == list(range(10))
    assert major.rows(columns) == rows
    verify = run_file(database, "verify")
    assert verify.returncode == 0, verify.stdout + verify.stderr

    transaction = major.next_transaction()
    values = read_thread(database)
    again = run_file(database, "up")

    if len(rows) == 3 and all(rows.values()):
        assert values is not None
        assert (values["messages"], values["step"]) == (MESSAGES, 2)
    assert "already at version 9, nothing to do" in again.stdout
    assert major.next_transaction() == transaction


@pytest.mark.parametrize(
    ("version", "ancestor"),
    [
        (version, ancestor)
        for version in SUPPORTED
        for ancestor in (ANCESTORS if version == OLDEST_SERVER else TYPICAL)
    ],
)
def test_every_ancestor_becomes_version_9_with_its_rows_kept(
    majors: Majors, version: int, ancestor: str
) -> None:
    converge(majors(version), ANCESTORS[ancestor])


@pytest.mark.parametrize("client", [15, 16, 18])
@pytest.mark.parametrize("version", SUPPORTED)
def test_the_files_work_with_the_psql_of_another_version(
    majors: Majors, version: int, client: int
) -> None:
    database = majors(version).database
    psql = str(server_programs(client) / "psql")

    def run(kind: str) -> None:
        done = database.run(psql, *psql_command(kind, {})[1:])
        assert done.returncode == 0, done.stdout + done.stderr

    RELEASED[OLDEST].load(database)
    run("up")
    run("verify")
    dump = database.schema_dump()
    Ancestor(NEWEST, rows=False).load(database)
    run("down")

    assert dump == majors(version).setup_dump
    assert majors(version).columns() == {}


def test_a_server_older_than_supported_is_migrated_with_a_warning(majors: Majors) -> None:
    major = majors(14)
    RELEASED[OLDEST].load(major.database)

    up = run_file(major.database, "up")

    assert "==> warning: expected PostgreSQL 15 to 18, found 14." in up.stdout
    assert major.database.schema_dump() == major.setup_dump


LIBC = ("LOCALE 'C'", "LOCALE 'en_US.UTF-8'")
BUILTIN = "LOCALE_PROVIDER builtin BUILTIN_LOCALE"
COLLATIONS = [
    *((version, options) for version in SUPPORTED for options in LIBC),
    # Debian's server is the one here that is built with ICU.
    (15, "LOCALE_PROVIDER icu ICU_LOCALE 'und-u-ks-level1'"),
    (17, f"{BUILTIN} 'C.UTF-8'"),
    (18, f"{BUILTIN} 'C.UTF-8'"),
    (18, f"{BUILTIN} 'PG_UNICODE_FAST'"),
]


@pytest.mark.parametrize(("version", "collation"), COLLATIONS)
def test_the_collation_of_the_database_does_not_change_the_result(
    majors: Majors, version: int, collation: str
) -> None:
    major = majors(version)
    database = major.server.create_database("template0", collation)
    RELEASED[OLDEST].load(database)

    up, verify, again = (run_file(database, kind) for kind in ("up", "verify", "up"))

    assert (up.returncode, verify.returncode) == (0, 0), up.stderr + verify.stdout
    assert "nothing to do" in again.stdout
    assert database.schema_dump() == major.setup_dump
    database.drop()


def test_a_column_that_takes_different_texts_for_equal_is_refused(majors: Majors) -> None:
    # Only a column can have such a collation: no version of PostgreSQL takes it for a database.
    database = majors(15).server.create_database()
    RELEASED[NEWEST].load(database)
    database.execute(
        "CREATE COLLATION c (PROVIDER = icu, LOCALE = 'und-u-ks-level1', DETERMINISTIC = false)",
        "ALTER TABLE checkpoints ALTER thread_id TYPE text COLLATE c",
    )
    before = database.schema_dump()

    up, verify = (run_file(database, kind) for kind in ("up", "verify"))

    difference = "checkpoints.thread_id: expected text not null, found text collate"
    assert "MG010" in up.stderr
    assert difference in up.stderr
    assert difference in verify.stdout
    assert database.schema_dump() == before
    database.drop()


@pytest.mark.skipif(
    not Path("/usr/share/locale/de/LC_MESSAGES/postgres-15.mo").exists(),
    reason="Debian was told not to install translations",
)
def test_messages_in_another_language_do_not_change_the_result(majors: Majors) -> None:
    major = majors(15)
    database = major.server.create_database()
    database.execute(f"ALTER DATABASE {database.name} SET lc_messages = 'de_DE.UTF-8'")
    RELEASED[OLDEST].load(database)

    foreign = database.run("psql", "-X", "-c", "SELECT 1 / 0")
    up, verify, again = (run_file(database, kind) for kind in ("up", "verify", "up"))

    assert "Division durch Null" in foreign.stderr
    assert (up.returncode, verify.returncode) == (0, 0), up.stderr + verify.stdout
    assert "nothing to do" in again.stdout
    assert database.schema_dump() == major.setup_dump
    database.drop()
