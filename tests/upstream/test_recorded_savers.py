"""The recorded fixtures are what the savers of releases.toml made."""

from collections.abc import Callable, Iterator

import pytest
from langgraph.checkpoint.postgres import PostgresSaver

from tests.conftest import run_setup
from tests.support.postgres import Database, Server
from tests.upstream.conftest import psql
from upstream import rows
from upstream.record import FIXTURES
from upstream.releases import Release, releases

Load = Callable[[Release], Database]
CHILD = "child:task-1"
# Threads, namespaces and what of their newest checkpoint must be there.
NEWEST = {
    ("thread-1", ""): {
        "messages": [
            {"role": "user", "content": "hello 😀"},
            {"role": "assistant", "content": "and back"},
        ],
        "step": 2,
    },
    ("thread-1", CHILD): {"messages": {"nested": [True, None, 1.5]}},
    ("thread 'two' 😀", ""): {"messages": []},
    ("plain", ""): {"text": "hello 😀", "ratio": 1.5, "flag": True, "nothing": None},
}
PENDING = {
    ("thread-1", CHILD): [("task-4", "messages", {"nested": []})],
    ("plain", ""): [("task-5", "text", "and back"), ("task-5", "nothing", None)],
}
RELEASES = [pytest.param(release, id=release.fixture) for release in releases()]


@pytest.fixture(scope="module")
def load(server: Server) -> Iterator[Load]:
    loaded: dict[str, Database] = {}

    def once(release: Release) -> Database:
        if release.fixture not in loaded:
            database = loaded[release.fixture] = server.create_database()
            result = psql(database, FIXTURES / release.fixture)
            assert result.returncode == 0, result.stderr
        return loaded[release.fixture]

    yield once
    for database in loaded.values():
        database.drop()


def test_every_listed_release_has_a_fixture_and_every_fixture_a_release() -> None:
    listed = {release.fixture for release in releases()}

    assert {path.name for path in FIXTURES.iterdir()} == listed


@pytest.mark.parametrize("release", RELEASES)
def test_a_fixture_ends_at_the_version_and_the_layout_of_its_release(
    release: Release, load: Load
) -> None:
    database = load(release)

    recorded = database.value("SELECT array_agg(v ORDER BY v) FROM checkpoint_migrations")
    columns = database.value(
        "SELECT array_agg(attname::text) FROM pg_attribute WHERE attnum > 0 "
        "AND attrelid = 'checkpoint_writes'::regclass"
    )
    assert recorded == list(range(release.texts))
    assert ("task_path" in columns) is release.task_path


@pytest.mark.parametrize("release", RELEASES)
def test_a_fixture_names_the_release_and_fits_on_two_screens(release: Release) -> None:
    lines = (FIXTURES / release.fixture).read_text().splitlines()

    assert f"langgraph-checkpoint-postgres {release.version} " in lines[0]
    assert len(lines) < 200


@pytest.mark.parametrize("release", RELEASES)
def test_the_newest_saver_reads_what_the_release_wrote(
    release: Release, load: Load, server: Server
) -> None:
    database = server.create_database(template=load(release).name)
    run_setup(database)

    with PostgresSaver.from_conn_string(server.conninfo(database.name)) as saver:
        for (thread, namespace), values in NEWEST.items():
            config = {"configurable": {"thread_id": thread, "checkpoint_ns": namespace}}
            found = saver.get_tuple(config)  # pyright: ignore[reportArgumentType]
            assert found is not None
            assert found.checkpoint["channel_values"].items() >= values.items()
            assert found.pending_writes == PENDING.get((thread, namespace), [])
    database.drop()


def test_the_recorded_schema_of_the_installed_release_is_the_one_it_makes_here(
    load: Load, langgraph_dump: str
) -> None:
    (release,) = [x for x in releases() if (x.language, x.version) == ("python", "3.2.0")]

    assert load(release).schema_dump() == langgraph_dump


def test_the_recorded_rows_of_the_newest_release_are_those_that_it_writes_here(
    server: Server,
) -> None:
    assert rows.newest_recorded().version == "3.2.0"
    assert rows.difference(server) == []
