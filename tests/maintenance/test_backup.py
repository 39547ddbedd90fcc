"""The scheduled dump on a plain server: whole, kept for a time, and good enough to go back to."""

import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.migrations.conftest import run_file
from tests.scripts.conftest import Container
from tests.scripts.conftest import container as container
from tests.scripts.conftest import programs as programs
from tests.support.postgres import PASSWORD, Database, bin_dir

KILL = signal.SIGKILL
Backup = Callable[..., tuple[int, str, str]]
ROWS = """INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint)
    SELECT 't', E'line\\n\\\\.\\nCOPY a FROM stdin;' || n, '{}' FROM generate_series(1, 5) AS n"""
OURS = "prod-20200101T000000Z.dump"
OTHERS = (
    "prod-2020.dump",
    "prod-20200101T000000Z-by-handZ.dump",
    "prod-20200101T000000Z.dump.part",
    "prod-eu-20200101T000000Z.dump",
    "prod-20200101T000000Z.sql",
    "other-20200101T000000Z.dump",
    "README",
)


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    folder = tmp_path / "volume"
    folder.mkdir()
    return folder


@pytest.fixture
def backup(container: Container, volume: Path, programs: Path, database: Database) -> Backup:
    for name in ("pg_dump", "pg_restore"):
        if not (programs / name).exists():
            (programs / name).symlink_to(bin_dir() / name)
    container.environment |= {
        "BACKUP_PURPOSE": "schedule",
        "BACKUP_DIR": str(volume / "scheduled"),
        "BACKUP_NAME": "prod",
        "BACKUP_CLAIM": "agents/dumps",
        "BACKUP_KEEP_DAYS": "14",
    }
    run_file(database, "up")
    return lambda **environment: container.run("backup.sh", **environment)


def dumps(volume: Path) -> list[str]:
    return sorted(path.name for path in (volume / "scheduled").iterdir())


def replace_program(container: Container, folder: Path, name: str, script: str) -> str:
    """Return a PATH on which one program is another one's."""
    folder.mkdir()
    for program in container.programs.iterdir():
        (folder / program.name).symlink_to(program)
    (folder / name).unlink()
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    return str(folder)


def test_the_sentence_names_file_bytes_and_every_row(
    database: Database, backup: Backup, volume: Path
) -> None:
    database.execute(ROWS)

    status, _, message = backup()

    (name,) = dumps(volume)
    file = volume / "scheduled" / name
    assert status == 0
    assert message == (
        f"dumped 4 tables (15 rows, {file.stat().st_size} bytes) to {name} in "
        "PersistentVolumeClaim agents/dumps; removed 0 older than 14 days, 1 are there"
    )
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_only_what_it_made_itself_is_removed_and_only_when_it_is_old(
    backup: Backup, volume: Path
) -> None:
    folder = volume / "scheduled"
    folder.mkdir()
    young = "prod-29990101T000000Z.dump"
    for name in (OURS, young, *OTHERS):
        (folder / name).write_text(name)
    (volume / OURS).write_text("a dump before a rollback")
    (folder / "prod-20190101T000000Z.dump").symlink_to(folder / "README")

    status, _, message = backup()

    left = set(dumps(volume))
    assert status == 0
    assert message.endswith("; removed 1 older than 14 days, 2 are there")
    assert OURS not in left
    assert {young, "prod-20190101T000000Z.dump", *OTHERS} <= left
    assert (volume / OURS).exists()


def test_a_dump_that_fails_removes_no_older_one(
    container: Container, backup: Backup, volume: Path, tmp_path: Path
) -> None:
    (volume / "scheduled").mkdir()
    (volume / "scheduled" / OURS).write_text("the last good one")
    path = replace_program(
        container, tmp_path / "broken", "pg_dump", "echo 'disk full' >&2; exit 1"
    )

    status, _, message = backup(PATH=path)

    assert (status, message) == (
        13,
        "no dump was made in PersistentVolumeClaim agents/dumps: disk full",
    )
    assert dumps(volume) == [OURS]


@pytest.mark.parametrize("cut", [9, 1000, 2000], ids=lambda cut: f"without its last {cut} bytes")
def test_a_dump_that_cannot_be_read_to_its_end_does_not_count(
    container: Container,
    database: Database,
    backup: Backup,
    volume: Path,
    tmp_path: Path,
    cut: int,
) -> None:
    database.execute(ROWS)
    real = bin_dir() / "pg_dump"
    script = (
        f'{real} "$@"; for a; do case $a in --file=*) file=${{a#--file=}} ;; esac; done\n'
        f"size=$(wc -c < $file); head -c $((size - {cut})) $file > $file.cut; mv $file.cut $file"
    )
    path = replace_program(container, tmp_path / "broken", "pg_dump", script)

    status, _, message = backup(PATH=path)

    assert status == 13
    assert "no dump was made" in message
    assert dumps(volume) == []


@pytest.mark.parametrize("program", ["pg_dump", "pg_restore"])
def test_a_program_that_is_killed_says_what_to_raise(
    container: Container, backup: Backup, volume: Path, tmp_path: Path, program: str
) -> None:
    path = replace_program(container, tmp_path / "killed", program, "kill -KILL $$")

    status, _, message = backup(PATH=path)

    assert status == 13
    assert message.endswith("for want of memory if a row is large: raise backupMemory")
    assert dumps(volume) == []


def test_a_schema_without_all_four_tables_is_refused(
    database: Database, backup: Backup, volume: Path
) -> None:
    database.execute("DROP TABLE checkpoint_writes")

    status, _, message = backup()

    assert status == 10
    assert message.endswith("expected the four checkpoint tables in the dump, found 3")
    assert dumps(volume) == []


def test_a_volume_that_is_not_writable_is_refused(backup: Backup, volume: Path) -> None:
    volume.rmdir()
    volume.write_text("no folder")

    status, _, message = backup()

    assert status == 10
    assert "expected a folder that user" in message


@pytest.mark.parametrize(
    ("changes", "status", "text"),
    [
        ({"port": 1}, 12, "gave up after 1 s"),
        ({"user": "nobody"}, 11, "credentials or rights"),
        ({"dbname": "nowhere"}, 11, "credentials or rights"),
    ],
    ids=["server away", "unknown role", "unknown database"],
)
def test_the_exit_status_tells_what_a_human_must_mend(
    container: Container,
    backup: Backup,
    volume: Path,
    changes: dict[str, object],
    status: int,
    text: str,
) -> None:
    container.write_service(**changes)

    found, _, message = backup(DEADLINE_SECONDS="1")

    assert found == status
    assert text in message
    assert dumps(volume) == []


def test_a_server_that_comes_back_in_time_is_dumped(
    container: Container, backup: Backup, volume: Path, tmp_path: Path
) -> None:
    away = "pg_dump: error: connection to server at h, port 1 failed: Connection refused"
    script = (
        f'[ -e {tmp_path}/tried ] && exec {bin_dir()}/pg_dump "$@"\n'
        f"touch {tmp_path}/tried; echo '{away}' >&2; exit 1"
    )
    path = replace_program(container, tmp_path / "away", "pg_dump", script)

    status, output, _ = backup(PATH=path)

    assert status == 0
    assert "Connection refused; again in a moment" in output
    assert len(dumps(volume)) == 1


def test_a_killed_dump_leaves_one_part_which_the_next_replaces(
    container: Container, database: Database, backup: Backup, volume: Path
) -> None:
    with database.connect() as holder:
        holder.execute("BEGIN")
        holder.execute("LOCK TABLE checkpoints IN ACCESS EXCLUSIVE MODE")
        for number in (KILL, signal.SIGTERM):
            process = container.start("backup.sh")
            while not database.value("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                pass
            os.kill(process.pid, number)
            # What a kill leaves of the dump ends with its connection, as in a container.
            database.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted")
            process.communicate()
            left = dumps(volume)
            assert left == ([".prod.part", ".prod.part.errors"] if number == KILL else [])

    status, _, _ = backup()

    assert status == 0
    (name,) = dumps(volume)
    assert database.run("pg_restore", "--list", str(volume / "scheduled" / name)).returncode == 0


def test_the_dump_holds_no_credential(
    database: Database, backup: Backup, volume: Path, container: Container
) -> None:
    database.execute(ROWS)

    backup()

    (name,) = dumps(volume)
    text = database.run("pg_restore", "--file=-", str(volume / "scheduled" / name)).stdout
    assert "COPY public.checkpoints " in text
    assert PASSWORD not in text
