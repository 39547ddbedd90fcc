"""The package in application/, its use in docs/application.md and the output `connection`."""

import operator
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Annotated, Any, TypedDict

import psycopg
import pytest
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.graph import END, START, StateGraph
from langgraph_checkpoint_application import (
    SchemaError,
    _schema,
    async_checkpoint_pool,
    checkpoint_pool,
    require_schema,
)
from psycopg_pool import PoolTimeout

from components.database.application import connection
from components.inputs.checks import InputsError
from components.settings.settings import load as load_settings
from tests.faults.pooler import conninfo, pgbouncer
from tests.migrations.ancestors import Ancestor
from tests.migrations.conftest import run_file
from tests.support.event_loop import run_in_thread
from tests.support.postgres import HOST, PASSWORD, Database, Server
from tests.support.saver_calls import CALLS, DELETED, FIRST_TO_DELETE, Subject, fill
from tests.unit.conftest import configure as configure

DOCUMENT = Path(__file__).parents[2] / "docs" / "application.md"
TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
ENVIRON = {"VAULT_ADDR": "https://10.0.0.1:8200"}
# The output, the secret and the CA file, as both functions of the package take them.
Arguments = tuple[dict[str, Any], dict[str, str], str | None]
Start = Callable[[Arguments], None]


class State(TypedDict):
    steps: Annotated[list[str], operator.add]


BUILDER: StateGraph = StateGraph(State)
BUILDER.add_node("step", lambda state: {"steps": ["done"]})
BUILDER.add_edge(START, "step")
BUILDER.add_edge("step", END)


def follow_document(arguments: Arguments) -> list[dict[str, Any]]:
    """Run a thread with each example of the document, and return the states after them."""
    plain, lifespan = re.findall(r"^```python\n(.*?)^```", DOCUMENT.read_text(), re.M | re.S)
    names: dict[str, Any] = dict(zip(("connection", "secret", "ca_file"), arguments, strict=True))
    names |= {"builder": BUILDER, "values": {"steps": []}, "thread_id": "thread"}
    exec(plain, names)  # noqa: S102 - the document's own words are what is tested
    exec(lifespan, names)  # noqa: S102

    async def serve() -> dict[str, Any]:
        async with names["lifespan"](None) as state:
            return await names["run"](state["pool"], "thread", {"steps": []})

    return [names["result"], run_in_thread(serve())]


@pytest.fixture
def settings(configure: Any) -> Any:
    def load(**values: Any) -> dict[str, Any]:
        configure(environment="dev", **values)
        return connection(load_settings(ENVIRON))

    return load


@pytest.fixture
def role(database: Database) -> str:
    """Migrate the database for an application's role, and return that role."""
    name = database.server.create_role()
    migrated = run_file(database, "up", app_role=name)
    assert migrated.returncode == 0, migrated.stderr
    return name


def secret(database: Database, user: str, port: int | None = None) -> dict[str, str]:
    return {
        "host": HOST,
        "port": str(port or database.server.port),
        "database": database.name,
        "username": user,
        "password": PASSWORD,
    }


def arguments(
    database: Database, user: str, output: dict[str, Any], port: int | None = None
) -> Arguments:
    return output, secret(database, user, port), str(database.server.ca_file)


def run(pool: Any, thread: str) -> dict[str, Any]:
    graph = BUILDER.compile(checkpointer=PostgresSaver(pool))
    return graph.invoke({"steps": []}, {"configurable": {"thread_id": thread}})


@pytest.fixture(params=["threads", "asyncio"])
def start(request: pytest.FixtureRequest) -> Start:
    """Return what an application does at its start, once more as one with an event loop."""

    def in_threads(arguments: Arguments) -> None:
        with checkpoint_pool(*arguments):
            pass

    async def in_loop(arguments: Arguments) -> None:
        async with async_checkpoint_pool(*arguments):
            pass

    if request.param == "threads":
        return in_threads
    return lambda arguments: run_in_thread(in_loop(arguments))


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that lets the package find another release of the saver."""
    return lambda release: monkeypatch.setattr(_schema, "version", lambda _: release)


def test_the_output_is_the_golden_one(settings: Any) -> None:
    output = settings(applicationReplicas=6, applicationMaxConnections=85)

    assert output == {
        "kwargs": {
            "autocommit": True,
            "prepare_threshold": 0,
            "sslmode": "verify-full",
            "connect_timeout": 5,
            "keepalives_idle": 5,
            "keepalives_interval": 5,
            "keepalives_count": 2,
            "tcp_user_timeout": 15000,
        },
        "pool": {"min_size": 1, "max_size": 14, "timeout": 10.0, "max_lifetime": 1800.0},
    }
    assert settings(applicationBehindPooler=True)["kwargs"]["prepare_threshold"] is None


@pytest.mark.parametrize(
    ("replicas", "expected"), [(0, "a number from 1 to 1000000"), (81, "a connection for each")]
)
def test_more_replicas_than_connections_are_refused(
    settings: Any, replicas: int, expected: str
) -> None:
    with pytest.raises(InputsError, match=f"applicationReplicas: expected {expected}"):
        settings(applicationReplicas=replicas)


def test_the_documents_examples_run_and_share_their_threads(
    database: Database, role: str, settings: Any
) -> None:
    assert follow_document(arguments(database, role, settings())) == [
        {"steps": ["done"]},
        {"steps": ["done", "done"]},
    ]


def test_the_application_starts_without_setup_and_stays_within_its_share(
    database: Database, role: str, settings: Any
) -> None:
    output = settings(applicationReplicas=2, applicationMaxConnections=6)

    with (
        checkpoint_pool(*arguments(database, role, output)) as pool,
        ThreadPoolExecutor(8) as threads,
    ):
        threads_run = [threads.submit(run, pool, f"t{n % 4}") for n in range(16)]
        results = [future.result() for future in threads_run]
        sessions = database.value(f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{role}'")

    assert max(len(result["steps"]) for result in results) >= 1
    assert 1 <= sessions <= 3
    assert database.value("SELECT count(DISTINCT thread_id) FROM checkpoints") == 4
    assert not database.value(f"SELECT has_schema_privilege('{role}', 'public', 'CREATE')")


def test_the_arguments_work_through_a_transaction_pooler_and_those_without_one_do_not(
    server: Server, settings: Any
) -> None:
    # The pooler of the test has no certificate.
    plain = {"insecureDatabaseSslMode": "prefer"}
    pooled = settings(**plain, applicationBehindPooler=True)
    direct = settings(**plain)
    database = server.create_database()
    run_file(database, "up")
    with pgbouncer(server, "transaction", pool_size=2) as port:
        through = secret(database, "postgres", port)
        # Two servers: PgBouncer 1.18 at times forgets a client that waits for its only one.
        with checkpoint_pool(pooled, through, None) as pool:
            for number in range(12):
                run(pool, f"t{number % 3}")
        address = conninfo(port, database.name)
        with (
            psycopg.connect(address, **direct["kwargs"]) as one,
            psycopg.connect(address, **direct["kwargs"]) as other,
        ):
            one.execute("SELECT 1")
            with pytest.raises(psycopg.errors.DuplicatePreparedStatement):
                other.execute("SELECT 1")
    assert database.value("SELECT count(DISTINCT thread_id) FROM checkpoints") == 3
    database.drop()


@pytest.mark.parametrize(
    ("state", "missing"),
    [
        (Ancestor("python-2.0.8"), "checkpoint_writes.task_path"),
        (
            Ancestor("python-3.2.0", ("ALTER TABLE checkpoint_blobs ALTER blob SET NOT NULL",)),
            "checkpoint_blobs.blob",
        ),
        (
            Ancestor(),
            "checkpoints.checkpoint, checkpoint_blobs.blob, checkpoint_writes.task_path",
        ),
    ],
    ids=["version 8", "blob not null", "no tables"],
)
def test_a_schema_that_is_behind_ends_the_start_in_one_sentence(
    start: Start, database: Database, settings: Any, state: Ancestor, missing: str
) -> None:
    state.load(database)

    with pytest.raises(SchemaError) as refused:
        start(arguments(database, "postgres", settings()))

    assert str(refused.value) == (
        f"expected the checkpoint tables at version 9, found without {missing}: "
        "run pulumi up --replace '**-migration-job' with the storage's release for this "
        "library before it starts"
    )


def test_a_library_newer_than_the_check_ends_the_start(
    start: Start,
    database: Database,
    role: str,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for saver in (PostgresSaver, AsyncPostgresSaver):
        monkeypatch.setattr(saver, "MIGRATIONS", [*saver.MIGRATIONS, "SELECT 1"])

    with pytest.raises(SchemaError, match="version 10, found a check that knows 9"):
        start(arguments(database, role, settings()))


@pytest.mark.parametrize(
    ("release", "rows", "refused"),
    [
        ("2.0.13", "python-3.2.0", True),
        ("2.0.22", "python-2.0.23", True),
        ("2.0.22", "python-2.0.22", False),
        ("2.0.22", "javascript-1.0.5", False),
        ("2.0.23", "python-3.2.0", False),
        ("3.0.0rc1", "python-3.2.0", False),
    ],
)
def test_a_saver_that_would_lose_what_a_newer_one_wrote_ends_the_start(
    start: Start,
    installed: Callable[[str], None],
    database: Database,
    settings: Any,
    release: str,
    rows: str,
    refused: bool,
) -> None:
    Ancestor(rows).load(database)
    run_file(database, "up")
    installed(release)

    if not refused:
        start(arguments(database, "postgres", settings()))
        return
    with pytest.raises(SchemaError) as error:
        start(arguments(database, "postgres", settings()))

    assert str(error.value) == (
        f"expected checkpoints of langgraph-checkpoint-postgres {release}, found ones of 2.0.23 "
        "or newer, whose plain values it would lose: start with the release that wrote them or a "
        "newer one"
    )


def test_only_a_saver_that_would_lose_them_looks_at_the_rows(
    installed: Callable[[str], None],
) -> None:
    asked = {"installed": len(list(_schema.checks(PostgresSaver)))}
    for release in ("2.0.22", "2.0.23"):
        installed(release)
        asked[release] = len(list(_schema.checks(PostgresSaver)))

    assert asked == {"installed": 1, "2.0.22": 2, "2.0.23": 1}


@pytest.mark.parametrize(
    ("right", "table"),
    [
        ("INSERT", "checkpoint_writes"),
        ("UPDATE", "checkpoint_writes"),
        ("UPDATE", "checkpoints"),
        ("DELETE", "checkpoint_blobs"),
    ],
)
def test_a_role_without_a_right_ends_the_start(
    start: Start, database: Database, role: str, settings: Any, right: str, table: str
) -> None:
    database.execute(f"REVOKE {right} ON {table} FROM {role}")

    with pytest.raises(SchemaError, match=f"found without {right} on {table}: run pulumi up"):
        start(arguments(database, role, settings()))


def test_the_check_asks_for_each_right_that_a_call_of_the_saver_needs_and_for_no_other(
    database: Database, role: str, settings: Any
) -> None:
    rights = list(product(("SELECT", "INSERT", "UPDATE", "DELETE"), TABLES))
    fill(database, FIRST_TO_DELETE + DELETED * len(rights))
    needed: list[str] = []
    asked: list[str] = []

    with checkpoint_pool(*arguments(database, role, settings())) as pool:
        for number, (right, table) in enumerate(rights):
            subject = Subject(database, PostgresSaver(pool), FIRST_TO_DELETE + DELETED * number)
            database.execute(f"REVOKE {right} ON {table} FROM {role}")
            try:
                for call in CALLS.values():
                    call(subject)
            except psycopg.errors.InsufficientPrivilege:
                needed.append(f"{right} on {table}")
            try:
                require_schema(pool)
            except SchemaError as refused:
                asked += re.findall(f"{right} on {table}", str(refused))
            database.execute(f"GRANT {right} ON {table} TO {role}")

    assert asked == needed
    assert len(needed) == len(rights) - 1


def test_a_server_that_is_away_ends_the_start(
    start: Start, database: Database, settings: Any
) -> None:
    output = settings()
    output["pool"]["timeout"] = 0.2

    with pytest.raises(PoolTimeout):
        start(arguments(database, "postgres", output, port=1))


def test_a_secret_without_a_field_is_refused_without_its_values(
    start: Start, database: Database, settings: Any
) -> None:
    output, given, ca_file = arguments(database, "postgres", settings())
    del given["port"]

    with pytest.raises(ValueError, match="in the application's secret, found no port") as refused:
        start((output, given, ca_file))

    assert PASSWORD not in str(refused.value)
