"""What a clean-up of somebody else left behind is counted, and deleted where it is asked for."""

import re

import pytest

from tests.maintenance.retained import Retain, threads
from tests.maintenance.retained import container as container
from tests.maintenance.retained import database as database
from tests.maintenance.retained import expected as expected
from tests.maintenance.retained import programs as programs
from tests.maintenance.retained import retain as retain
from tests.maintenance.retained import retention_template as retention_template
from tests.maintenance.test_retention import plain_delta
from tests.support.histories import History, everything, rows_of, saver_of, settings
from tests.support.postgres import Database

# Keeps the newest checkpoint of each namespace and forgets the rest.
HOME_MADE = """DELETE FROM checkpoints AS c WHERE EXISTS (
    SELECT FROM checkpoints AS n WHERE n.thread_id = c.thread_id
        AND n.checkpoint_ns = c.checkpoint_ns AND n.checkpoint_id > c.checkpoint_id)"""
IDLE = "thread_id LIKE 'idle-%' OR thread_id LIKE 'expired-%'"
OF_NO_CHECKPOINT = f"""FROM checkpoint_writes AS w WHERE ({IDLE}) AND NOT EXISTS (
    SELECT FROM checkpoints AS c WHERE c.thread_id = w.thread_id
        AND c.checkpoint_ns = w.checkpoint_ns AND (c.checkpoint_id = w.checkpoint_id
            OR c.parent_checkpoint_id = w.checkpoint_id AND c.checkpoint ->> 'v' = '3'))"""
UNNEEDED = f"""FROM checkpoint_blobs AS b WHERE ({IDLE}) AND NOT EXISTS (
    SELECT FROM checkpoints AS c WHERE c.thread_id = b.thread_id
        AND c.checkpoint_ns = b.checkpoint_ns
        AND c.checkpoint -> 'channel_versions' ->> b.channel = b.version)"""
ORPHANS = re.compile(r"; orphans (left|to delete|deleted): (\d+) writes and (\d+) blobs; longest")
MOST = pytest.mark.parametrize("most", ["2", "5000"])


def orphans(sentence: str) -> tuple[str, int, int]:
    match = ORPHANS.search(sentence)
    assert match, sentence
    return match[1], int(match[2]), int(match[3])


def left_behind(database: Database) -> tuple[int, int]:
    writes, blobs = (f"SELECT count(*) {rows}" for rows in (OF_NO_CHECKPOINT, UNNEEDED))
    return database.value(writes), database.value(blobs)


@MOST
def test_a_parent_that_somebody_else_deleted_is_null_as_prune_leaves_it(
    database: Database, expected: Database, retain: Retain, most: str
) -> None:
    for one in (database, expected):
        one.execute(HOME_MADE)
    with saver_of(expected) as saver:
        saver.prune([*threads(expected, "idle-%"), *threads(expected, "expired-%")])

    sentence = retain(MOST_AT_ONCE=most)

    assert rows_of(database) == rows_of(expected)
    assert "0 locked" in sentence
    assert retain(MOST_AT_ONCE=most).startswith("pruned 0 threads and deleted 0 threads: 0 check")


@MOST
def test_what_was_left_behind_is_counted_and_stays(
    database: Database, retain: Retain, most: str
) -> None:
    database.execute(HOME_MADE)
    retain()
    writes, blobs = left_behind(database)
    before = rows_of(database)

    found = orphans(retain(MOST_AT_ONCE=most))

    assert writes > 100
    assert blobs > 50
    assert found == ("left", writes, blobs)
    assert rows_of(database) == before


@MOST
def test_what_was_left_behind_is_deleted_where_it_is_asked_for(
    database: Database, retain: Retain, most: str
) -> None:
    database.execute(HOME_MADE)
    others = left_alone(database)
    writes, blobs = left_behind(database)
    with saver_of(database) as saver:
        before = everything(saver)

        announced = orphans(retain(DELETE_ORPHANS="true", DRY_RUN="true", MOST_AT_ONCE=most))
        done = orphans(retain(DELETE_ORPHANS="true", MOST_AT_ONCE=most))

        after = everything(saver)
    assert announced == ("to delete", writes, blobs)
    assert done == ("deleted", writes, blobs)
    assert left_behind(database) == (0, 0)
    assert left_alone(database) == others
    assert {key: (item.checkpoint, item.pending_writes) for key, item in after.items()} == {
        key: (item.checkpoint, item.pending_writes) for key, item in before.items() if key in after
    }
    assert orphans(retain(DELETE_ORPHANS="true", MOST_AT_ONCE=most)) == ("deleted", 0, 0)


def left_alone(database: Database) -> list[str]:
    return [row for rows in rows_of(database).values() for row in rows if "active-" in row]


@MOST
def test_sends_of_a_parent_that_is_gone_stay_for_a_checkpoint_from_before_version_4(
    database: Database, retain: Retain, most: str
) -> None:
    with saver_of(database) as saver:
        history = History(saver, "idle-sends", 40)
        history.steps(3)
        history.send_from_before_version_4()
        before = saver.get_tuple(settings("idle-sends"))
        database.execute(HOME_MADE)

        retain(DELETE_ORPHANS="true", MOST_AT_ONCE=most)

        after = saver.get_tuple(settings("idle-sends"))
    assert before is not None
    assert after is not None
    assert before.checkpoint["channel_values"]["__pregel_tasks"] == ["send"]
    assert after.checkpoint == before.checkpoint


@MOST
def test_a_thread_that_may_need_them_keeps_what_looks_left_behind(
    database: Database, retain: Retain, most: str
) -> None:
    with saver_of(database) as saver:
        plain_delta(saver, "delta", 40)
        untimed = History(saver, "untimed", 40)
        untimed.steps(3)
        untimed.put("memory", id_="checkpoint-1")
        History(saver, "waiting", 40).steps(4)
        History(saver, "waiting", 1, 2).steps(2, "memory")
    database.execute(HOME_MADE)
    database.execute("DELETE FROM checkpoints WHERE thread_id = 'active-1'")
    kept = ("delta", "untimed", "waiting", "active-")
    before = {table: [row for row in rows if row[1:].startswith(kept)]
              for table, rows in rows_of(database).items()}  # fmt: skip

    retain(DELETE_ORPHANS="true", MOST_AT_ONCE=most)

    after = {table: [row for row in rows if row[1:].startswith(kept)]
             for table, rows in rows_of(database).items()}  # fmt: skip
    assert after == before


def test_what_somebody_holds_is_left_to_the_next_run(database: Database, retain: Retain) -> None:
    retain()
    database.execute(
        "INSERT INTO checkpoint_blobs VALUES ('idle-3', '', 'gone', '1', 'msgpack', '')"
    )
    _, before = left_behind(database)
    with database.connect() as holder:
        holder.autocommit = False
        holder.execute("SELECT FROM checkpoint_blobs WHERE channel = 'gone' FOR UPDATE")

        _, _, first = orphans(retain(DELETE_ORPHANS="true"))

        holder.rollback()
    _, _, second = orphans(retain(DELETE_ORPHANS="true"))
    assert (first, second) == (before - 1, 1)


def test_a_thread_of_many_rows_is_cleared_in_parts(database: Database, retain: Retain) -> None:
    database.execute(
        "INSERT INTO checkpoint_blobs SELECT 'idle-3', '', 'c' || n % 7, n::text, 'msgpack', ''"
        " FROM generate_series(1, 3000) AS n"
    )

    _, _, blobs = orphans(retain(DELETE_ORPHANS="true", MOST_AT_ONCE="100"))

    assert blobs == 3000
    assert left_behind(database) == (0, 0)
