"""The way back: the restore drill, and a real restore of dumps from any moment."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointMetadata, empty_checkpoint
from langgraph.checkpoint.postgres import PostgresSaver

from tests.maintenance.test_backup import Backup, replace_program
from tests.maintenance.test_backup import backup as backup
from tests.maintenance.test_backup import volume as volume
from tests.migrations.ancestors import NEWEST, SAVERS, Ancestor
from tests.migrations.conftest import run_file
from tests.migrations.test_up import held_lock, make_invalid_index
from tests.scripts.conftest import Container
from tests.scripts.conftest import container as container
from tests.scripts.conftest import programs as programs
from tests.support.deployment import REPOSITORY
from tests.support.documents import commands
from tests.support.postgres import Database, Server

SCRIPT = "restore_drill.sh"
SCRATCH = "SELECT array_agg(datname) FROM pg_database WHERE datname LIKE 'restore\\_drill\\_%'"
LOCKS = """SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
CONFIG: RunnableConfig = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
METADATA: CheckpointMetadata = {"source": "loop", "step": 1}
PAGE = "docs/backup.md"
TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
LOST = ("checkpoints.metadata", "checkpoints.checkpoint_id", "checkpoint_writes.blob")
Drill = Callable[..., tuple[int, str, str]]


@pytest.fixture
def drill(container: Container) -> Drill:
    return lambda *arguments, **environment: container.run(SCRIPT, *arguments, **environment)


@contextmanager
def saver(database: Database) -> Iterator[PostgresSaver]:
    with PostgresSaver.from_conn_string(database.server.conninfo(database.name)) as opened:
        yield opened


def newest(volume: Path) -> Path:
    return max((volume / "scheduled").iterdir())


def restored(server: Server, dump: Path) -> Database:
    copy = server.create_database("template0")
    done = copy.run("pg_restore", "--exit-on-error", "-d", copy.name, str(dump))
    assert done.returncode == 0, done.stderr
    return copy


def test_a_restored_dump_is_verified_and_serves_a_saver_for_a_round_trip(
    database: Database, server: Server, backup: Backup, volume: Path
) -> None:
    with saver(database) as before:
        saved = before.put(CONFIG, empty_checkpoint(), METADATA, {})
        before.put_writes(saved, [("messages", "written")], "task")
    backup()

    copy = restored(server, newest(volume))

    verdict = copy.run("sh", "migrations/verify_migration.sh")
    assert verdict.returncode == 0, verdict.stdout
    with saver(copy) as after:
        found = after.get_tuple(CONFIG)
        assert found is not None
        assert found.pending_writes == [("task", "messages", "written")]
        later = after.put(found.config, empty_checkpoint(), METADATA, {})
        newest_one = after.get_tuple(CONFIG)
        assert newest_one is not None
        assert newest_one.config == later
        assert len(list(after.list(CONFIG))) == 2
    copy.drop()


def test_the_drill_restores_the_newest_dump_verifies_it_and_leaves_nothing(
    database: Database, backup: Backup, drill: Drill, volume: Path
) -> None:
    database.execute("INSERT INTO checkpoints SELECT 't', '', 'c', NULL, NULL, '{}', '{}'")
    backup()
    older = volume / "scheduled" / "prod-20200101T000000Z.dump"
    older.write_text("not the newest")
    before = database.run("pg_dump", "--inserts").stdout.splitlines()

    status, output, message = drill()

    name = newest(volume).name
    assert status == 0, output
    assert message.startswith(f"restored {name} ({newest(volume).stat().st_size} bytes)")
    assert message.endswith("8 checks passed; the scratch database is dropped")
    assert re.search(r"^checkpoints +1 rows", output, re.M), output
    assert database.value(SCRATCH) is None
    after = database.run("pg_dump", "--inserts").stdout.splitlines()
    assert [line for line in after if "restrict" not in line] == [
        line for line in before if "restrict" not in line
    ]


def test_the_drill_takes_a_file_and_a_schema_of_any_name(
    database: Database, backup: Backup, drill: Drill, volume: Path
) -> None:
    database.execute('CREATE SCHEMA "La ""ng"')
    run_file(database, "up", schema='La "ng')
    backup(SCHEMA='La "ng')

    status, output, _ = drill(str(newest(volume)), SCHEMA='La "ng')

    assert status == 0, output


@pytest.mark.parametrize(
    ("content", "text"),
    [(None, "found none"), ("no dump", "is no dump"), ("cut", "was not restored")],
    ids=["no file", "a file of something else", "a dump without its end"],
)
def test_the_drill_fails_where_there_is_nothing_to_go_back_to(
    database: Database,
    backup: Backup,
    drill: Drill,
    volume: Path,
    content: str | None,
    text: str,
) -> None:
    database.execute("INSERT INTO checkpoints SELECT 't', '', 'c', NULL, NULL, '{}', '{}'")
    backup()
    dump = newest(volume)
    if content is None:
        dump.unlink()
    else:
        whole = dump.read_bytes()
        dump.write_bytes(whole[:-20] if content == "cut" else content.encode())

    status, _, message = drill()

    assert status == (13 if content == "cut" else 10)
    assert text in message
    assert database.value(SCRATCH) is None


def test_the_drill_says_which_right_it_lacks(
    container: Container, server: Server, backup: Backup, drill: Drill
) -> None:
    backup()
    container.write_service(user=server.create_role())

    status, _, message = drill()

    assert status == 11
    assert "permission denied to create database" in message
    assert "CREATEDB" in message


def test_the_drill_says_that_the_server_is_away(
    container: Container, backup: Backup, drill: Drill
) -> None:
    backup()
    container.write_service(port=1)

    status, _, message = drill()

    assert status == 12
    assert "Connection refused" in message


def test_a_drill_that_is_stopped_drops_its_database_and_the_next_that_of_a_killed_one(
    container: Container, database: Database, server: Server, backup: Backup, tmp_path: Path
) -> None:
    backup()
    server.execute(
        "CREATE DATABASE restore_drill_of_somebody",
        "CREATE DATABASE restore_drill_dead",
        "COMMENT ON DATABASE restore_drill_dead IS 'scratch database of a restore drill'",
    )
    begun = tmp_path / "begun"
    wait = f'case "$*" in *--list*) exit ;; esac; touch {begun}; exec sleep 60'
    path = replace_program(container, tmp_path / "slow", "pg_restore", wait)

    process = container.start(SCRIPT, PATH=path)
    while not begun.exists():
        assert process.poll() is None
    os.kill(process.pid, signal.SIGTERM)
    status, _, message = container.finish(process)

    assert (status, "stopped by a signal" in message) == (143, True)
    assert database.value(SCRATCH) == ["restore_drill_of_somebody"]
    server.execute("DROP DATABASE restore_drill_of_somebody")


@pytest.mark.parametrize("state", ["python-1.0.1", "python-2.0.8", "javascript-1.0.5", NEWEST])
def test_a_dump_of_any_old_version_converges_after_its_restore(
    database: Database, server: Server, langgraph_dump: str, tmp_path: Path, state: str
) -> None:
    assert (SAVERS / f"{state}.sql").exists()
    Ancestor(state).load(database)
    dump = tmp_path / "old.dump"
    database.run("pg_dump", "-Fc", f"--file={dump}")

    copy = restored(server, dump)
    first, second = run_file(copy, "up"), run_file(copy, "up")

    assert first.returncode == 0, first.stderr
    assert "nothing to do" in second.stdout
    assert copy.schema_dump() == langgraph_dump
    for table in TABLES:
        count = f"SELECT count(*) FROM {table}"
        assert copy.value(count) == database.value(count) > 0
    copy.drop()


@pytest.mark.parametrize("state", ["python-1.0.1", "javascript-1.0.5", NEWEST])
def test_rows_of_an_old_dump_go_into_the_tables_of_today(
    database: Database, server: Server, tmp_path: Path, state: str
) -> None:
    Ancestor(state).load(database)
    dump = tmp_path / "old.dump"
    database.run("pg_dump", "-Fc", f"--file={dump}")
    today = server.create_database()
    run_file(today, "up")

    done = go_back(today, dump, tmp_path)

    assert done.returncode == 0, done.stderr
    for table in TABLES:
        count = f"SELECT count(*) FROM {table}"
        assert today.value(count) == database.value(count) > 0
    assert today.run("sh", "migrations/verify_migration.sh").returncode == 0
    today.drop()


def go_back(database: Database, dump: Path, folder: Path) -> CompletedProcess[str]:
    return by_hand(database, commands(PAGE, "restore"), dump, folder)


def by_hand(database: Database, block: str, dump: Path, folder: Path) -> CompletedProcess[str]:
    (folder / "components").symlink_to(REPOSITORY / "components")
    shell = f"cd {folder}; DATABASE={database.name} DUMP={dump}; {block}"
    return database.run("sh", "-e", "-u", "-c", shell)


@pytest.mark.parametrize("column", LOST)
def test_a_lost_column_comes_back_from_a_dump(
    database: Database, langgraph_dump: str, tmp_path: Path, column: str
) -> None:
    Ancestor(NEWEST).load(database)
    dump, table = tmp_path / "a.dump", column.partition(".")[0]
    everything = [f"SELECT array_agg(t::text ORDER BY t::text) FROM {name} AS t" for name in TABLES]
    before = [database.value(query) for query in everything]
    database.run("pg_dump", "-Fc", f"--file={dump}")
    database.execute(f"ALTER TABLE {table} DROP COLUMN {column.partition('.')[2]}")

    refused = run_file(database, "up")
    blocks = commands(PAGE, "lost columns"), commands(PAGE, "restore into an empty database")
    done = by_hand(database, "\n".join(blocks), dump, tmp_path)
    migrated = run_file(database, "up")

    assert f"{column}: expected" in refused.stderr
    assert "restore them from a backup (docs/backup.md, lost columns)" in refused.stderr
    assert done.returncode == 0, done.stderr
    assert migrated.returncode == 0, migrated.stderr
    assert [database.value(query) for query in everything] == before
    database.execute("DROP SCHEMA damaged CASCADE")
    assert database.schema_dump() == langgraph_dump


@pytest.mark.parametrize("broken", ["dump", "table"])
def test_rows_stay_where_a_dump_cannot_be_restored(
    langgraph_template: Database, server: Server, tmp_path: Path, broken: str
) -> None:
    database = server.create_database(langgraph_template.name)
    database.execute("INSERT INTO checkpoints SELECT 't', '', 'c', NULL, NULL, '{}', '{}'")
    dump = tmp_path / "a.dump"
    database.run("pg_dump", "-Fc", f"--file={dump}")
    if broken == "dump":
        dump.write_bytes(dump.read_bytes()[:-20])
    else:
        database.execute("ALTER TABLE checkpoints ADD CHECK (thread_id <> 't') NOT VALID")

    done = go_back(database, dump, tmp_path)

    assert done.returncode != 0
    assert database.value("SELECT count(*) FROM checkpoints") == 1
    database.drop()


def test_the_drill_by_hand_verifies_a_file(
    database: Database, backup: Backup, volume: Path
) -> None:
    backup()

    shell = f"DUMP={newest(volume)}; {commands(PAGE, 'drill')}"
    done = database.run("sh", "-e", "-u", "-c", shell)

    assert done.returncode == 0, done.stderr
    assert "8 checks passed" in done.stdout


def test_a_dump_in_the_middle_of_a_migration_takes_no_lock_along_and_converges(
    database: Database,
    server: Server,
    backup: Backup,
    drill: Drill,
    volume: Path,
    langgraph_dump: str,
) -> None:
    database.execute(
        "INSERT INTO checkpoints SELECT 't', '', 'c', NULL, NULL, '{}', '{}'",
        "DROP INDEX checkpoints_thread_id_idx",
        "DELETE FROM checkpoint_migrations WHERE v > 5",
    )
    make_invalid_index(database)
    with held_lock(database):
        status, output, _ = backup()
        assert (status, database.value(LOCKS)) == (0, 1), output

        copy = restored(server, newest(volume))
        locks = copy.value(LOCKS)
        tables = copy.value("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        drilled, _, message = drill()
        migrated = run_file(copy, "up")

    assert (locks, tables) == (0, 4)
    assert drilled == 13
    assert "restored" in message
    assert "not verified: FAIL" in message
    assert migrated.returncode == 0, migrated.stderr
    assert copy.schema_dump() == langgraph_dump
    assert copy.value("SELECT count(*) FROM checkpoints") == 1
    copy.drop()
