"""The dump before a rollback: complete, or a refusal that leaves nothing behind."""

import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.migrations.conftest import run_file
from tests.scripts.conftest import Container
from tests.support.postgres import Database, Server, bin_dir

Backup = Callable[..., tuple[int, str, str]]
ROW = "INSERT INTO {}checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('t', 'c', '{{}}')"


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    folder = tmp_path / "volume"
    folder.mkdir()
    return folder


@pytest.fixture
def backup(container: Container, volume: Path, programs: Path) -> Backup:
    for name in ("pg_dump", "pg_restore"):
        if not (programs / name).exists():
            (programs / name).symlink_to(bin_dir() / name)
    container.environment |= {
        "BACKUP_DIR": str(volume),
        "BACKUP_NAME": "prod",
        "BACKUP_CLAIM": "agents/dumps",
    }
    return lambda **environment: container.run("backup.sh", **environment)


@pytest.mark.parametrize("schema", ["public", 'La "ng.*'])
def test_the_dump_restores_every_row_of_the_four_tables(
    database: Database, server: Server, backup: Backup, volume: Path, schema: str
) -> None:
    quoted = '"' + schema.replace('"', '""') + '"'
    database.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted}", "CREATE TABLE theirs (id int)")
    run_file(database, "up", schema=schema)
    database.execute(ROW.format(f"{quoted}."))

    status, _, message = backup(SCHEMA=schema)

    (file,) = volume.iterdir()
    assert status == 0
    assert f"to {file.name} in PersistentVolumeClaim agents/dumps" in message
    assert "dumped 4 tables" in message
    assert file.name.startswith("prod-2")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    copy = server.create_database()
    copy.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted}")
    copy.run("pg_restore", "-d", copy.name, str(file))
    assert copy.value(f"SELECT count(*) FROM {quoted}.checkpoints") == 1
    assert copy.value("SELECT to_regclass('theirs') IS NULL")
    copy.drop()


def test_without_tables_there_is_nothing_to_dump(backup: Backup, volume: Path) -> None:
    status, _, message = backup()

    assert (status, message) == (0, "no checkpoint tables, nothing to dump")
    assert list(volume.iterdir()) == []


def test_a_folder_that_is_not_there_is_a_refusal(backup: Backup, volume: Path) -> None:
    volume.rmdir()

    status, _, message = backup()

    assert status == 10
    assert message.startswith("no table was dropped, since there is no complete dump")


def test_a_server_that_is_away_is_a_refusal(
    container: Container, backup: Backup, volume: Path
) -> None:
    container.write_service(port=1)

    status, _, message = backup()

    assert status == 10
    assert "Connection refused" in message
    assert list(volume.iterdir()) == []


def test_a_dump_that_cannot_be_read_back_is_a_refusal(
    container: Container, database: Database, backup: Backup, volume: Path, tmp_path: Path
) -> None:
    run_file(database, "up")
    broken = tmp_path / "broken"
    broken.mkdir()
    for program in container.programs.iterdir():
        (broken / program.name).symlink_to(program)
    (broken / "pg_dump").unlink()
    (broken / "pg_dump").write_text(
        '#!/bin/sh\nfor a; do case $a in --file=*) echo cut >"${a#--file=}" ;; esac; done\n'
    )
    (broken / "pg_dump").chmod(0o755)

    status, _, message = backup(PATH=str(broken))

    assert status == 10
    assert "pg_restore: error" in message
    assert list(volume.iterdir()) == []


def test_a_signal_ends_the_dump_and_leaves_no_half_of_it(
    container: Container, database: Database, backup: Backup, volume: Path
) -> None:
    run_file(database, "up")
    with database.connect() as holder:
        holder.execute("BEGIN")
        holder.execute("LOCK TABLE checkpoints IN ACCESS EXCLUSIVE MODE")
        process = container.start("backup.sh")
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        while not database.value(waiting):  # the dump waits for the lock
            pass
        os.kill(process.pid, signal.SIGTERM)
        status, _, message = container.finish(process)

    assert status == 143
    assert "no table was dropped" in message
    assert list(volume.iterdir()) == []
