"""The plans at sizes that take minutes to write; records what docs/queries.md shows."""

import statistics
import time
from collections.abc import Iterator

import pytest

from tests.conftest import run_setup
from tests.maintenance.optional import KEYS, METADATA_INDEX, THREAD_INDEXES, apply
from tests.maintenance.test_query_plans import SMALL
from tests.support.histories import saver_of, settings
from tests.support.plan_rules import READ_WHOLE, READ_WHOLE_WITHOUT_GIN, merged, problems
from tests.support.plans import statements
from tests.support.postgres import Database, Server
from tests.support.saver_calls import DELETED, FIRST_TO_DELETE, fill, thread_id
from tools.query_table import OPTIONAL, STOCK, record

# Threads by the rows of checkpoint_writes; 150 blobs and 100 checkpoints for 400 of them.
SIZES = {"10 k": 25, "1 M": 2_500, "10 M": 25_000}
TINY = {
    **SMALL,
    # Two of 25 threads are so much of a table that reading it whole is the right plan.
    "prune, keep_latest": {"checkpoints"},
    "prune, delete": {"checkpoints", "checkpoint_blobs", "checkpoint_writes"},
}
SETTINGS = {
    "shared_buffers": "2GB",
    "max_wal_size": "4GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # Its analyze would come between the calls.
    "autovacuum": "off",
}
CALLS = 300
latencies: dict[str, float] = {}


@pytest.fixture(scope="module")
def large_server() -> Iterator[Server]:
    with Server(settings=SETTINGS) as running:
        yield running


@pytest.mark.parametrize("size", SIZES)
def test_plans_stay_the_same_from_ten_thousand_rows_to_ten_million(
    large_server: Server, size: str
) -> None:
    database = large_server.create_database()
    run_setup(database)
    fill(database, SIZES[size])
    allowed = TINY if SIZES[size] == min(SIZES.values()) else {}
    version = database.value("SHOW server_version").split()[0]
    latencies[size] = _median_get_tuple(database, SIZES[size])
    facts = {"server": f"PostgreSQL {version}", "get_tuple_ms": latencies}

    for profile, files, whole, indexes in (
        (STOCK, (), READ_WHOLE_WITHOUT_GIN, KEYS | THREAD_INDEXES),
        (
            OPTIONAL,
            ("create_metadata_index", "drop_thread_id_indexes"),
            READ_WHOLE,
            KEYS | {METADATA_INDEX},
        ),
    ):
        apply(database, *files)
        first = FIRST_TO_DELETE + (0 if profile == STOCK else DELETED)
        plans = merged(statements(database, first_to_delete=first))
        assert problems(plans, whole | allowed, indexes) == []
        record(profile, size, plans, facts)
    database.drop()


def _median_get_tuple(database: Database, threads: int) -> float:
    """Return how many milliseconds get_tuple() takes on threads spread over the tables."""
    seconds: list[float] = []
    with saver_of(database) as saver:
        for number in range(CALLS):
            thread = thread_id(1 + number * 7919 % threads)
            began = time.monotonic()
            assert saver.get_tuple(settings(thread))
            seconds.append(time.monotonic() - began)
    return round(1e3 * statistics.median(seconds), 3)
