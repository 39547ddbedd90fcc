"""The snippet of docs/application.md and the output `connection`, on a real server."""

import operator
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any, TypedDict

import psycopg
import pytest
from langgraph.graph import END, START, StateGraph
from psycopg_pool import PoolTimeout

from components.settings.application_connection import connection
from components.settings.settings import Settings, SettingsError
from tests.faults.pooler import conninfo, pgbouncer
from tests.migrations.ancestors import Ancestor
from tests.migrations.conftest import run_file
from tests.support.postgres import HOST, PASSWORD, Database, Server
from tests.unit.conftest import configure as configure

DOCUMENT = Path(__file__).parents[2] / "docs" / "application.md"
ENVIRON = {"VAULT_ADDR": "https://10.0.0.1:8200"}


class State(TypedDict):
    steps: Annotated[list[str], operator.add]


BUILDER: StateGraph = StateGraph(State)
BUILDER.add_node("step", lambda state: {"steps": ["done"]})
BUILDER.add_edge(START, "step")
BUILDER.add_edge("step", END)


@pytest.fixture(scope="module")
def snippet() -> dict[str, Any]:
    (code,) = re.findall(r"^```python\n(.*?)^```", DOCUMENT.read_text(), re.M | re.S)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - the document's own words are what is tested
    return names


@pytest.fixture
def settings(configure: Any) -> Any:
    def load(**values: Any) -> dict[str, Any]:
        configure(environment="dev", **values)
        return connection(Settings.load(ENVIRON))

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


def manager(snippet: dict[str, Any], database: Database, user: str, output: dict[str, Any]) -> Any:
    ca_file = str(database.server.ca_file)
    return snippet["ExecutionManager"](BUILDER, secret(database, user), output, ca_file)


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


@pytest.mark.parametrize("wrong", [{"applicationReplicas": 0}, {"applicationReplicas": 81}])
def test_more_replicas_than_connections_are_refused(settings: Any, wrong: dict[str, int]) -> None:
    with pytest.raises(SettingsError, match="applicationReplicas: expected at least 1"):
        settings(**wrong)


def test_the_application_starts_without_setup_and_stays_within_its_share(
    snippet: dict[str, Any], database: Database, role: str, settings: Any
) -> None:
    output = settings(applicationReplicas=2, applicationMaxConnections=6)

    with manager(snippet, database, role, output) as running, ThreadPoolExecutor(8) as threads:
        threads_run = [threads.submit(running.run, f"t{n % 4}", {"steps": []}) for n in range(16)]
        results = [future.result() for future in threads_run]
        sessions = database.value(f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{role}'")

    assert max(len(result["steps"]) for result in results) >= 1
    assert 1 <= sessions <= 3
    assert database.value("SELECT count(DISTINCT thread_id) FROM checkpoints") == 4
    assert not database.value(f"SELECT has_schema_privilege('{role}', 'public', 'CREATE')")


def test_the_arguments_work_through_a_transaction_pooler_and_those_without_one_do_not(
    snippet: dict[str, Any], server: Server, settings: Any
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
        with snippet["ExecutionManager"](BUILDER, through, pooled, None) as running:
            for number in range(12):
                running.run(f"t{number % 3}", {"steps": []})
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
    snippet: dict[str, Any], database: Database, settings: Any, state: Ancestor, missing: str
) -> None:
    state.load(database)

    with (
        pytest.raises(RuntimeError) as refused,
        manager(snippet, database, "postgres", settings()),
    ):
        pass

    assert str(refused.value) == (
        f"expected the checkpoint tables at version 9, found without {missing}: "
        "run pulumi up --replace '**-migration-job' with the storage's release for this "
        "library before it starts"
    )


def test_a_library_newer_than_the_check_ends_the_start(
    snippet: dict[str, Any],
    database: Database,
    role: str,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    saver = snippet["PostgresSaver"]
    monkeypatch.setattr(saver, "MIGRATIONS", [*saver.MIGRATIONS, "SELECT 1"])

    with (
        pytest.raises(RuntimeError, match="version 10, found a check that knows 9"),
        manager(snippet, database, role, settings()),
    ):
        pass


def test_a_role_without_the_rights_ends_the_start(
    snippet: dict[str, Any], database: Database, role: str, settings: Any
) -> None:
    database.execute(f"REVOKE INSERT ON checkpoint_writes FROM {role}")

    with (
        pytest.raises(RuntimeError, match=r"found without checkpoint_writes\.task_path"),
        manager(snippet, database, role, settings()),
    ):
        pass


def test_a_server_that_is_away_ends_the_start(
    snippet: dict[str, Any], database: Database, settings: Any
) -> None:
    output = settings()
    output["pool"]["timeout"] = 0.2
    away = secret(database, "postgres", port=1)

    with (
        pytest.raises(PoolTimeout),
        snippet["ExecutionManager"](BUILDER, away, output, str(database.server.ca_file)),
    ):
        pass
