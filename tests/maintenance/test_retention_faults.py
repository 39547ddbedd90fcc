"""Retention that is killed, runs twice or meets live writers: no thread loses what it needs."""

import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.conftest import run_setup
from tests.faults.migrator import PATIENCE, wait_until
from tests.maintenance.retained import RETENTION, Retain, counts, start, threads
from tests.maintenance.retained import container as container
from tests.maintenance.retained import database as database
from tests.maintenance.retained import expected as expected
from tests.maintenance.retained import programs as programs
from tests.maintenance.retained import retain as retain
from tests.maintenance.retained import retention_template as retention_template
from tests.scripts.conftest import Container
from tests.support.histories import everything, grow, read, resume, rows_of, saver_of
from tests.support.postgres import Database, Server
from tests.support.postgres_versions import SUPPORTED

OTHERS = """SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""
# The sweep waits for the grace to end, a second at a time.
RESTING = OTHERS + " AND state = 'idle' AND state_change < clock_timestamp() - interval '0.3 s'"


def kill_once(
    container: Container,
    happened: Callable[[], bool],
    patience: float = PATIENCE,
    /,
    **environment: str,
) -> None:
    """Start retention and end all its processes at once, as the kernel ends a container."""
    run = start(container, **environment)
    try:
        wait_until(lambda: happened() or run.poll() is not None, patience)
    finally:
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate()
    # The next run is in a pod of its own.
    shutil.rmtree(container.temporary)
    container.temporary.mkdir()
    wait_until(lambda: container.database.value(OTHERS) == 0)


def test_killed_at_any_point_it_leaves_whole_checkpoints_and_the_next_run_goes_on(
    database: Database, expected: Database, container: Container, retain: Retain
) -> None:
    with saver_of(expected) as saver:
        saver.prune([*threads(expected, "idle-%"), *threads(expected, "expired-%")])
    with saver_of(database) as saver:
        before = everything(saver)

    kills = 0
    while kills < 8 and (left := counts(database)[0]) > counts(expected)[0]:
        kill_once(container, lambda left=left: counts(database)[0] < left, MOST_AT_ONCE="1")
        kills += 1

        with saver_of(database) as saver:
            for key, item in everything(saver).items():
                was = before[key]
                assert item.checkpoint == was.checkpoint, key
                assert item.pending_writes == was.pending_writes, key
    assert kills > 2
    retain()
    assert rows_of(database) == rows_of(expected)


def test_a_killed_deletion_is_found_again(
    database: Database, expected: Database, container: Container, retain: Retain
) -> None:
    ages = {"KEEP_LATEST_AFTER_DAYS": "0", "DELETE_THREADS_AFTER_DAYS": "365"}
    with saver_of(expected) as saver:
        saver.prune(threads(expected, "expired-%"), strategy="delete")

    kill_once(container, lambda: not threads(database, "expired-%"), **ages, GRACE_SECONDS="600")

    assert counts(database)[1] > counts(expected)[1], "blobs wait for the sweep"
    assert retain(**ages).startswith("pruned 0 threads and deleted 0 threads: 0 checkpoints, ")
    assert rows_of(database) == rows_of(expected)


def test_a_lost_connection_is_opened_again_and_nothing_is_counted_twice(
    database: Database, expected: Database, container: Container
) -> None:
    with saver_of(expected) as saver:
        saver.prune([*threads(expected, "idle-%"), *threads(expected, "expired-%")])
    before = counts(database)[0]
    run = start(container, MOST_AT_ONCE="1")
    wait_until(lambda: counts(database)[0] < before)

    database.value(OTHERS.replace("count(*)", "bool_or(pg_terminate_backend(pid))"))

    status, output, message = container.finish(run)
    assert status == 0, output
    assert "==> attempt 1: " in output
    assert message.startswith("pruned 16 threads")
    assert "left alone: 3 active, 0 pruned before" in message
    assert rows_of(database) == rows_of(expected)


def test_a_connection_lost_after_the_last_thread_lets_nothing_be_counted_again(
    database: Database, container: Container
) -> None:
    with saver_of(database) as saver:
        # Behind a large one the walk looks for another, and finds none.
        grow(saver, "last", 400, 300)
    ages = {"KEEP_LATEST_AFTER_DAYS": "0", "DELETE_THREADS_AFTER_DAYS": "365"}
    run = start(container, MOST_AT_ONCE="2", GRACE_SECONDS="3", **ages)
    wait_until(lambda: not threads(database, "last") and database.value(RESTING))

    database.value(OTHERS.replace("count(*)", "bool_or(pg_terminate_backend(pid))"))

    status, output, message = container.finish(run)
    assert status == 0, output
    assert "==> attempt 1: " in output
    assert message.startswith("pruned 0 threads and deleted 5 threads: ")
    assert "left alone: 15 active, 0 pruned before" in message


def test_a_second_run_waits_for_the_first(container: Container, retain: Retain) -> None:
    with container.database.connect() as first:
        first.execute("SELECT pg_advisory_lock(1279738738, hashtext('public'))")

        sentence = retain(status=12, DEADLINE_SECONDS="1")

    assert "another retention run works on this schema" in sentence
    assert retain().startswith("pruned 16 threads")


def test_a_signal_ends_the_run_at_once(database: Database, container: Container) -> None:
    before = counts(database)[0]
    run = start(container, MOST_AT_ONCE="1")
    wait_until(lambda: counts(database)[0] < before)

    run.terminate()

    status, output, message = container.finish(run)
    assert (status, message) == (143, "stopped by a signal before the end; the next run goes on")
    assert f"==> failed: {message}\n" in output
    assert "ash" not in {name for _, name in running(run.pid)}


def test_a_psql_that_somebody_kills_is_named_and_another_one_goes_on(
    database: Database, container: Container
) -> None:
    before = counts(database)[0]
    run = start(container, MOST_AT_ONCE="1")
    wait_until(lambda: counts(database)[0] < before)

    for process, name in running(run.pid):
        if name == "psql":
            os.kill(process, signal.SIGKILL)

    status, output, message = container.finish(run)
    assert status == 0, output
    assert "==> attempt 1: psql was killed, by somebody else or for its memory; again" in output
    assert message.startswith("pruned ")


def running(group: int) -> list[tuple[int, str]]:
    """Return the processes of a group with their programs, without what has ended."""
    found = list[tuple[int, str]]()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            name, _, rest = stat.read_text().partition("(")[2].rpartition(")")
            state, _, its_group = rest.split()[:3]
            if int(its_group) == group and state != "Z":
                found.append((int(stat.parent.name), name))
    return found


def test_a_thread_that_is_read_before_its_deletion_and_saved_after_it_keeps_its_state(
    database: Database, container: Container
) -> None:
    gone = threads(database, "expired-%")
    with saver_of(database) as saver:
        begun = read(saver, gone[0])
        run = start(
            container,
            KEEP_LATEST_AFTER_DAYS="0",
            DELETE_THREADS_AFTER_DAYS="365",
            GRACE_SECONDS="3",
        )
        wait_until(lambda: not threads(database, "expired-%"))

        saved = resume(saver, gone[0], begun, "late")

        status, output, _ = container.finish(run)
        assert status == 0, output
        assert read(saver, gone[0]) == saved
        assert saved["channel_values"].keys() > {"messages"}
    left = "SELECT array_agg(DISTINCT thread_id) FROM checkpoint_blobs WHERE thread_id LIKE 'exp%'"
    assert database.value(left) == [gone[0]]


@contextmanager
def writers(database: Database, names: list[str]) -> Iterator[list[str]]:
    """Resume the threads again and again; the list holds whatever a writer finds wrong."""
    ended, wrong = threading.Event(), list[str]()

    def write(own: list[str]) -> None:
        with saver_of(database) as saver:
            number = 0
            while not ended.is_set():
                for thread in own:
                    saved = resume(saver, thread, read(saver, thread), f"{thread} {number}")
                    if read(saver, thread) != saved:
                        wrong.append(f"{thread}, write {number}")
                number += 1

    pool = [threading.Thread(target=write, args=[names[part::2]]) for part in range(2)]
    for thread in pool:
        thread.start()
    try:
        yield wrong
    finally:
        ended.set()
        for thread in pool:
            thread.join()


@pytest.mark.parametrize("most", ["3", "5000"])
def test_writers_that_resume_idle_threads_meanwhile_lose_nothing(
    database: Database, retain: Retain, most: str
) -> None:
    names = sorted(threads(database, "idle-%"))
    others = [*threads(database, "active-%"), *threads(database, "expired-%")]
    with saver_of(database) as saver:
        left_idle = {thread: read(saver, thread) for thread in names[1::2]}

    with writers(database, names[::2] + others) as wrong:
        retain(MOST_AT_ONCE=most)
        retain(MOST_AT_ONCE=most)

    assert wrong == []
    with saver_of(database) as saver:
        assert {thread: read(saver, thread) for thread in left_idle} == left_idle


@pytest.mark.parametrize("version", [version for version in SUPPORTED if version != 15])
def test_every_postgresql_keeps_what_upstreams_prune_keeps(
    version: int, container: Container
) -> None:
    with Server(version=version, tls=True) as server:
        database = server.create_database()
        run_setup(database)
        with saver_of(database) as saver:
            for number in range(6):
                grow(saver, f"idle-{number}", 40, number)
            grow(saver, "expired", 400, 7)
        copy = server.create_database(database.name)
        with saver_of(copy) as saver:
            saver.prune([f"idle-{number}" for number in range(6)])
            saver.prune(["expired"], strategy="delete")
        container.write_service(port=server.port, dbname=database.name, sslrootcert=server.ca_file)

        for most in ("2", "5000"):
            status, output, _ = container.run(
                RETENTION,
                KEEP_LATEST_AFTER_DAYS="30",
                DELETE_THREADS_AFTER_DAYS="365",
                GRACE_SECONDS="0",
                MOST_AT_ONCE=most,
            )
            assert status == 0, output
            assert rows_of(database) == rows_of(copy)
