"""Retention on a plain server: what survives is what upstream's prune keeps, whatever happens."""

import re

import pytest
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.serde.types import _DeltaSnapshot  # pyright: ignore[reportPrivateUsage]

from tests.maintenance.retained import Retain, counts, threads
from tests.maintenance.retained import container as container
from tests.maintenance.retained import database as database
from tests.maintenance.retained import expected as expected
from tests.maintenance.retained import programs as programs
from tests.maintenance.retained import retain as retain
from tests.maintenance.retained import retention_template as retention_template
from tests.scripts.conftest import ROOT, Container
from tests.support.histories import TABLES, History, everything, grow, rows_of, saver_of
from tests.support.postgres import Database, Server

EXTREMES = ("", " ", "\\", '"', "'; --", "{a,b}", "a\nb", "\U0001f600", "NULL", "x" * 2600, "$1:a")
DOCUMENT = ROOT / "docs" / "retention.md"
VARYING = re.compile(r"\d+ (?:kB|ms)")
NUMBERS = re.compile(
    r"(\d+) threads and delete(?:d)? (\d+) threads: (\d+) checkpoints, (\d+) writes and (\d+) blobs"
)


@pytest.mark.parametrize("most", ["1", "2", "7", "5000"])
def test_what_survives_is_what_upstreams_prune_keeps(
    database: Database, expected: Database, retain: Retain, most: str
) -> None:
    with saver_of(expected) as saver:
        saver.prune([*threads(expected, "idle-%"), *threads(expected, "expired-%")])

    sentence = retain(MOST_AT_ONCE=most)

    assert rows_of(database) == rows_of(expected)
    assert sentence.startswith("pruned 16 threads and deleted 0 threads: ")
    assert "left alone: 3 active, 0 pruned before" in sentence
    assert retain(MOST_AT_ONCE=most).startswith("pruned 0 threads")


@pytest.mark.parametrize("most", ["5", "5000"])
def test_what_survives_loads_as_before(database: Database, retain: Retain, most: str) -> None:
    with saver_of(database) as saver:
        before = everything(saver)

        retain(MOST_AT_ONCE=most)

        after = everything(saver)
    assert any(thread.startswith("idle-") and ":" in ns for thread, ns, _ in after)
    for key, item in after.items():
        was = before[key]
        assert (item.checkpoint, item.pending_writes) == (was.checkpoint, was.pending_writes)


@pytest.mark.parametrize("most", ["2", "5000"])
def test_threads_older_than_the_second_age_go_whole_and_no_other_loses_a_row(
    database: Database, expected: Database, retain: Retain, most: str
) -> None:
    with saver_of(database) as saver:
        plain_delta(saver, "expired-delta", 400)
    with saver_of(expected) as saver:
        saver.prune(threads(expected, "expired-%"), strategy="delete")

    sentence = retain(
        KEEP_LATEST_AFTER_DAYS="0", DELETE_THREADS_AFTER_DAYS="365", MOST_AT_ONCE=most
    )

    assert rows_of(database) == rows_of(expected)
    assert sentence.startswith("pruned 0 threads and deleted 5 threads: ")


@pytest.mark.parametrize("most", ["3", "5000"])
def test_a_dry_run_says_what_a_run_then_deletes_and_deletes_nothing(
    database: Database, retain: Retain, most: str
) -> None:
    ages = {"DELETE_THREADS_AFTER_DAYS": "365", "MOST_AT_ONCE": most}
    before = rows_of(database)

    announced = retain(**ages, DRY_RUN="true")

    assert announced.startswith("dry run, nothing was deleted: it would prune 12 threads")
    assert rows_of(database) == before
    done = retain(**ages)
    assert numbers(announced)[:2] == numbers(done)[:2] == [12, 4]
    assert numbers(announced) == numbers(done)
    assert [len(rows) for rows in before.values()] == [
        now + gone
        for now, gone in zip(
            counts(database), (lambda n: [n[2], n[4], n[3]])(numbers(done)), strict=True
        )
    ]


def numbers(sentence: str) -> list[int]:
    match = NUMBERS.search(sentence)
    assert match, sentence
    return [int(number) for number in match.groups()]


def test_the_document_shows_what_a_dry_run_a_run_and_another_say(
    database: Database, retain: Retain
) -> None:
    with saver_of(database) as saver:
        plain_delta(saver, "delta", 40)
    ages = {"DELETE_THREADS_AFTER_DAYS": "365"}

    said = [retain(**ages, DRY_RUN="true"), retain(**ages), retain(**ages)]

    shown = re.findall(r"^==> result: (.+)$", DOCUMENT.read_text(), re.M)
    assert [VARYING.sub("", it) for it in said] == [VARYING.sub("", it) for it in shown]


def plain_delta(saver: PostgresSaver, thread: str, days: float) -> History:
    """Write a thread whose graph has a DeltaChannel: a snapshot, then only writes."""
    history = History(saver, thread, days)
    history.put(values={"log": _DeltaSnapshot(["a"]), "doc": {"n": 0}})
    for number in range(5):
        history.put_writes()
        history.put(values={"doc": {"n": number}})
    return history


@pytest.mark.parametrize("most", ["2", "5000"])
@pytest.mark.parametrize(
    "mark", [None, {"counters_since_delta_snapshot": {}}, {"delta_writes_versioned": True}]
)
def test_a_thread_with_a_delta_channel_is_left_alone(
    database: Database, retain: Retain, most: str, mark: dict[str, object] | None
) -> None:
    with saver_of(database) as saver:
        if mark is None:
            plain_delta(saver, "delta", 40)
        else:
            history = History(saver, "delta", 40)
            history.put(metadata=mark)
            history.steps(6)
    before = rows_like(database, "delta")

    sentence = retain(MOST_AT_ONCE=most)

    assert rows_like(database, "delta") == before
    assert "1 with a DeltaChannel" in sentence
    assert sentence.startswith("pruned 16 threads")


def rows_like(database: Database, thread: str) -> list[str]:
    return [row for rows in rows_of(database).values() for row in rows if thread in row]


@pytest.mark.parametrize("most", ["2", "5000"])
@pytest.mark.parametrize(
    "id_", ["checkpoint-1", "1EF00000-0000-6000-8000-000000000000", "\U0001f600"]
)
def test_a_thread_with_an_id_that_tells_no_time_is_left_alone(
    database: Database, retain: Retain, most: str, id_: str
) -> None:
    with saver_of(database) as saver:
        history = History(saver, "untimed", 400)
        history.steps(4)
        history.put("memory", id_=id_)
    before = rows_like(database, "untimed")

    sentence = retain(MOST_AT_ONCE=most, DELETE_THREADS_AFTER_DAYS="365")

    assert rows_like(database, "untimed") == before
    assert "1 with an id that is no UUIDv6" in sentence


@pytest.mark.parametrize("most", ["2", "5000"])
def test_a_thread_whose_subgraph_is_active_is_active(
    database: Database, retain: Retain, most: str
) -> None:
    with saver_of(database) as saver:
        History(saver, "waiting", 400).steps(4)
        History(saver, "waiting", 1, 2).steps(2, "memory")
    before = rows_like(database, "waiting")

    sentence = retain(MOST_AT_ONCE=most, DELETE_THREADS_AFTER_DAYS="365")

    assert rows_like(database, "waiting") == before
    assert "4 active" in sentence


@pytest.mark.parametrize("most", ["2", "5000"])
def test_any_thread_id_is_worked_on(
    server: Server, container: Container, retain: Retain, most: str
) -> None:
    database = container.database
    database.execute(*(f"TRUNCATE {table}" for table in TABLES))
    with saver_of(database) as saver:
        for number, thread in enumerate(EXTREMES):
            grow(saver, thread, 40, number)
            History(saver, thread, 41).steps(3, f"sub {thread[:50]}")
    copy = server.create_database(database.name)
    with saver_of(copy) as saver:
        saver.prune(EXTREMES)

    sentence = retain(MOST_AT_ONCE=most)

    assert sentence.startswith(f"pruned {len(EXTREMES)} threads")
    assert rows_of(database) == rows_of(copy)
    copy.drop()


def test_rows_that_somebody_holds_are_passed_over(database: Database, retain: Retain) -> None:
    with database.connect() as holder:
        holder.autocommit = False
        holder.execute("SELECT FROM checkpoints WHERE thread_id = 'idle-5' FOR UPDATE")

        sentence = retain()

        assert sentence.startswith("pruned 15 threads")
        assert ", 1 locked; " in sentence
        holder.rollback()
    assert retain().startswith("pruned 1 threads")


def singles(database: Database, count: int) -> None:
    """Leave expired threads of one checkpoint each, between threads that are active."""
    database.execute(*(f"TRUNCATE {table}" for table in TABLES))
    with saver_of(database) as saver:
        for number in range(count):
            History(saver, f"{number}-active", 1, number).put()
            History(saver, f"{number}-expired", 400, number).put()


def test_one_expired_thread_that_somebody_holds_keeps_no_other_one(
    database: Database, retain: Retain
) -> None:
    singles(database, 3)
    with database.connect() as holder:
        holder.autocommit = False
        holder.execute("SELECT FROM checkpoints WHERE thread_id = '0-expired' FOR UPDATE")

        sentence = retain(DELETE_THREADS_AFTER_DAYS="365", DEADLINE_SECONDS="20")

        assert sentence.startswith("pruned 0 threads and deleted 2 threads: 2 checkpoints, ")
        assert "left alone: 3 active, " in sentence
        assert ", 1 locked; " in sentence
        assert not sentence.endswith("the next run goes on")
        assert threads(database, "%-expired") == ["0-expired"]
        holder.rollback()
    assert retain(DELETE_THREADS_AFTER_DAYS="365").startswith("pruned 0 threads and deleted 1 ")


def test_one_blob_that_somebody_holds_keeps_no_other_threads_blobs(
    database: Database, retain: Retain
) -> None:
    singles(database, 3)
    database.execute("DELETE FROM checkpoints WHERE thread_id LIKE '%-expired'")
    left = (
        "SELECT array_agg(DISTINCT thread_id) FROM checkpoint_blobs"
        " WHERE thread_id LIKE '%-expired'"
    )
    with database.connect() as holder:
        holder.autocommit = False
        holder.execute("SELECT FROM checkpoint_blobs WHERE thread_id = '0-expired' FOR UPDATE")

        sentence = retain(DELETE_THREADS_AFTER_DAYS="365", DEADLINE_SECONDS="20")

        assert ", 1 locked; " in sentence
        assert not sentence.endswith("the next run goes on")
        assert database.value(left) == ["0-expired"]
        holder.rollback()
    assert ", 0 locked; " in retain(DELETE_THREADS_AFTER_DAYS="365")
    assert database.value(left) is None


def test_a_run_scans_no_table_and_takes_six_looks_and_one_a_write_at_a_finished_thread(
    database: Database, retain: Retain
) -> None:
    database.execute(*(f"TRUNCATE {table}" for table in TABLES))
    with saver_of(database) as saver:
        for number in range(20):
            History(saver, f"idle-{number}", 40, number).steps(6)
    retain()
    writes = database.value("SELECT count(*) FROM checkpoint_writes")
    # Until then the index still holds the deleted checkpoints.
    database.execute(*(f"VACUUM {table}" for table in TABLES))
    database.execute("SELECT pg_stat_reset()")

    assert "20 pruned before" in retain()

    assert database.value("SELECT sum(seq_scan) FROM pg_stat_user_tables") == 0
    looks = "SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = 'checkpoints'"
    assert database.value(looks) <= 20 * 6 + writes
    rows = "SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname <> 'checkpoints'"
    assert database.value(rows) <= writes + database.value("SELECT count(*) FROM checkpoint_blobs")
    assert database.value("SELECT sum(idx_tup_fetch) FROM pg_stat_user_tables "
                          "WHERE relname <> 'checkpoints'") == 0  # fmt: skip


def test_no_time_left_ends_the_run_with_what_was_done(database: Database, retain: Retain) -> None:
    sentence = retain(DEADLINE_SECONDS="0")

    assert sentence.endswith("time is up, the next run goes on")


def test_without_the_tables_it_is_refused(database: Database, retain: Retain) -> None:
    database.execute("DROP TABLE checkpoint_blobs")

    assert retain(status=10) == (
        "refused: expected the checkpoint tables in schema public of database "
        f"{database.name}, found no checkpoint_blobs: migrate first"
    )


def test_a_wrong_password_is_named(container: Container, retain: Retain) -> None:
    container.write_password("wrong")

    assert retain(status=11).startswith("credentials or rights: ")
