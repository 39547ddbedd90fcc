import base64
import json
import operator
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
import yaml
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.graph import END, START, StateGraph
from psycopg import Connection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

from tests.support.database import (
    application_credential,
    as_parameters,
    connect,
    dump,
    recreate,
    tables,
)
from tests.support.deployment import Deployment

CHECKS = (
    "version",
    "tables",
    "columns",
    "indexes",
    "primary_keys",
    "nullability",
    "round_trip",
    "rights",
)


@pytest.fixture(scope="module")
def database(dev: Deployment) -> str:
    return dev.settings["databaseName"]


@pytest.fixture(scope="module")
def credential(dev: Deployment) -> dict[str, str]:
    return as_parameters(application_credential(dev))


def test_the_report_is_green_and_becomes_outputs(dev: Deployment) -> None:
    outputs = dev.outputs()

    assert outputs["schemaVersion"] == 9
    assert outputs["verification"]["ok"] is True
    assert outputs["verification"]["checks"] == dict.fromkeys(CHECKS, True)
    assert outputs["migrationJob"] == "agent-executor-migration-001"


def test_a_second_up_has_nothing_to_do(dev: Deployment) -> None:
    dev.up("--expect-no-changes").expect()
    dev.preview("--expect-no-changes").expect()
    dev.up("--refresh", "--expect-no-changes").expect()


def test_the_schema_is_langgraphs_own_before_and_after_its_setup(
    dev: Deployment, database: str
) -> None:
    oracle = f"{database}-oracle"
    with connect(dev, "postgres") as admin:
        recreate(admin, oracle)
    with connect(dev, oracle, row_factory=dict_row) as connection:
        PostgresSaver(connection).setup()
    ours = dump(dev, database)

    assert ours == dump(dev, oracle)
    with connect(dev, database, row_factory=dict_row) as connection:
        PostgresSaver(connection).setup()
    assert dump(dev, database) == ours


class State(TypedDict):
    steps: Annotated[list[str], operator.add]


def first(state: State) -> dict[str, list[str]]:
    return {"steps": ["first"]}


def second(state: State) -> dict[str, list[str]]:
    return {"steps": ["second"]}


def graph(saver: PostgresSaver):
    builder = StateGraph(State)
    builder.add_node(first)
    builder.add_node(second)
    builder.add_edge(START, "first")
    builder.add_edge("first", "second")
    builder.add_edge("second", END)
    return builder.compile(checkpointer=saver, interrupt_before=["second"])


def test_a_graph_checkpoints_resumes_and_lists_with_the_application_role(
    dev: Deployment, credential: dict[str, str]
) -> None:
    arguments: dict[str, Any] = credential | {
        "sslmode": "verify-full",
        "sslrootcert": dev.environ["PGSSLROOTCERT"],
        "autocommit": True,
        "row_factory": dict_row,
    }
    thread: RunnableConfig = {"configurable": {"thread_id": "thread-1"}}

    def opened() -> ConnectionPool[Connection[DictRow]]:
        return ConnectionPool(
            kwargs=arguments,
            connection_class=Connection[DictRow],
            min_size=1,
            max_size=4,
            open=True,
        )

    with opened() as pool:
        interrupted = graph(PostgresSaver(pool)).invoke({"steps": []}, thread)
    with opened() as pool:
        saver = PostgresSaver(pool)
        resumed = graph(saver).invoke(None, thread)
        listed = list(saver.list(thread))
        saver.delete_thread("thread-1")
        left = list(saver.list(thread))

    assert interrupted["steps"] == ["first"]
    assert resumed["steps"] == ["first", "second"]
    assert len(listed) == 4
    assert left == []


def test_the_tables_belong_to_a_role_that_cannot_log_in(dev: Deployment, database: str) -> None:
    with connect(dev, database) as connection:
        owners = connection.execute(
            "SELECT DISTINCT rolname, rolcanlogin FROM pg_class JOIN pg_roles r ON r.oid = relowner"
            " WHERE relname LIKE 'checkpoint%'"
        ).fetchall()

    assert owners == [(f"{database}_owner", False)]


def test_the_jobs_say_each_step_and_never_a_secret(
    dev: Deployment, credential: dict[str, str]
) -> None:
    passwords = {credential["password"], migrator_password(dev)}
    for job in ("migration", "verification"):
        log = dev.run(
            *("kubectl", "-n", dev.settings["namespace"], "logs", "--all-containers"),
            f"job/agent-executor-{job}-001",
        ).expect()

        assert log.text.count("==> ") >= 5
        assert "Vault token revoked" in log.text
        assert not [password for password in passwords if password in log.text]


def migrator_password(dev: Deployment) -> str:
    mount, path = dev.settings["vaultKvMount"], "bizmatters/agent-executor/postgres"
    return dev.run("bao", "kv", "get", f"-mount={mount}", "-field=password", path).expect().text


def test_the_password_is_in_vault_only(dev: Deployment) -> None:
    password = migrator_password(dev)
    everything = dev.run("kubectl", "get", "all,configmaps,events", "-A", "-o", "yaml").expect()

    state = dev.state()
    kubeconfig = yaml.safe_load(Path(dev.environ["KUBECONFIG"]).read_text())
    reviewer = dev.run(
        *("kubectl", "-n", dev.settings["namespace"], "get", "secrets"),
        *("-o", "jsonpath={.items[0].data.token}"),
    ).expect()

    assert len(password) == 64
    assert password not in state
    assert kubeconfig["users"][0]["user"]["client-key-data"] not in state
    assert len(reviewer.text) > 100
    assert reviewer.text not in state
    assert base64.b64decode(reviewer.text).decode() not in state
    assert password not in everything.text
    assert "agent-executor-migration-001" in everything.text


def policies_of_live_tokens(dev: Deployment) -> list[str]:
    listed = dev.run("bao", "list", "-format=json", "auth/token/accessors").expect()
    lookup = ("bao", "token", "lookup", "-format=json", "-accessor")
    found = [dev.run(*lookup, accessor).text for accessor in json.loads(listed.text)]
    return [policy for text in found for policy in json.loads(text)["data"]["policies"]]


def test_no_vault_token_outlives_its_job(dev: Deployment) -> None:
    policy = dev.settings["vaultPolicy"]

    after_the_jobs = policies_of_live_tokens(dev)
    planted = dev.run("bao", "token", "create", f"-policy={policy}", "-field=token").expect()
    with_a_planted_one = policies_of_live_tokens(dev)
    dev.run("bao", "token", "revoke", planted.text.strip()).expect()

    assert policy not in after_the_jobs
    assert policy in with_a_planted_one


def test_the_namespace_enforces_restricted_pod_security(dev: Deployment) -> None:
    refused = dev.run(
        *("kubectl", "-n", dev.settings["namespace"], "run", "plain"),
        "--image=postgres:16-alpine",
    )

    assert refused.status != 0
    assert 'violates PodSecurity "restricted' in refused.text


def test_the_verification_starts_only_after_the_migration_has_completed(
    dev: Deployment,
) -> None:
    def job(kind: str) -> dict[str, str]:
        return json.loads(
            dev.run(
                *("kubectl", "-n", dev.settings["namespace"], "get", "job", "-o", "json"),
                f"agent-executor-{kind}-001",
            )
            .expect()
            .text
        )["status"]

    assert job("migration")["completionTime"] <= job("verification")["startTime"]


def test_deleting_the_jobs_changes_no_row_of_the_ledger(dev: Deployment, database: str) -> None:
    def ledger() -> list[tuple[int, str]]:
        with connect(dev, database) as connection:
            return connection.execute(
                "SELECT v, xmin::text FROM checkpoint_migrations ORDER BY v"
            ).fetchall()

    before = ledger()
    dev.run(
        *("kubectl", "-n", dev.settings["namespace"], "delete", "job", "--all", "--wait")
    ).expect()
    dev.up("--refresh").expect()

    assert ledger() == before
    assert [version for version, _ in before] == list(range(10))
    with connect(dev, database) as connection:
        assert len(tables(connection)) == 4
