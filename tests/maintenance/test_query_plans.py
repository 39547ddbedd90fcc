"""The plans of what PostgresSaver sends, with LangGraph's own indexes and with both options."""

from collections.abc import Iterator

import pytest

from tests.maintenance.optional import KEYS, METADATA_INDEX, THREAD_INDEXES, apply
from tests.support.plan_rules import (
    READ_WHOLE,
    READ_WHOLE_WITHOUT_GIN,
    merged,
    problems,
)
from tests.support.plans import statements
from tests.support.postgres import Database, Server
from tests.support.saver_calls import BY_METADATA, fill
from tools.query_table import PAGE, STOCK, page, recorded

# 10 k checkpoints. So few blobs are read once rather than looked up for each of the 1024
# checkpoints that a page of a thread's history may have.
THREADS = 100
SMALL = {"get_delta_channel_history": {"checkpoint_blobs"}}


@pytest.fixture(scope="module")
def full_template(server: Server, langgraph_template: Database) -> Iterator[Database]:
    template = server.create_database(langgraph_template.name)
    fill(template, THREADS)
    yield template
    template.drop()


@pytest.fixture
def full(server: Server, full_template: Database) -> Iterator[Database]:
    created = server.create_database(full_template.name)
    yield created
    created.drop()


def test_every_statement_reads_what_it_needs_through_langgraphs_indexes(
    full: Database,
) -> None:
    plans = merged(statements(full))

    found = problems(plans, READ_WHOLE_WITHOUT_GIN | SMALL, KEYS | THREAD_INDEXES)

    assert found == []
    assert {(plan["call"], plan["statement"]) for plan in plans} == {
        (plan["call"], plan["statement"])
        for plans in recorded()["plans"][STOCK].values()
        for plan in plans
    }, "PostgresSaver sends other statements than were recorded: run tests/soak/test_query_plans.py"


def test_a_gin_index_serves_metadata_filters_and_the_keys_alone_all_the_rest(
    full: Database,
) -> None:
    apply(full, "create_metadata_index", "drop_thread_id_indexes")

    plans = merged(statements(full))

    assert problems(plans, READ_WHOLE | SMALL, KEYS | {METADATA_INDEX}) == []
    assert METADATA_INDEX in {
        index for plan in plans if plan["call"] == BY_METADATA for index in plan["indexes"]
    }


@pytest.mark.parametrize(
    ("index", "call"),
    [
        ("checkpoints_pkey", "get_tuple, newest"),
        ("checkpoint_blobs_pkey", "get_delta_channel_history"),
        ("checkpoint_writes_pkey", "get_tuple, newest"),
    ],
)
def test_the_rules_notice_an_index_that_the_server_does_not_use(
    full: Database, index: str, call: str
) -> None:
    # What a wrong index costs, without the saver's upserts failing for want of a key.
    full.execute(f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{index}'::regclass")

    found = problems(
        merged(statements(full, only={call})), READ_WHOLE_WITHOUT_GIN, KEYS | THREAD_INDEXES
    )

    assert any(line.startswith(call) for line in found)


def test_the_page_is_made_of_todays_recordings() -> None:
    assert page() == PAGE.read_text(), "run: python -m tools.query_table"
