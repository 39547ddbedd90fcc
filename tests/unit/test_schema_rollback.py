import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from components import schema_rollback
from components.checkpoint_storage import CheckpointStorage
from components.refusal import Refused
from components.schema_rollback import SchemaRollbackProvider, UnfinishedRollbackProvider
from components.settings import PROJECT_FILE, Settings
from components.storage_args import storage_args

DECLARED: dict[str, dict[str, Any]] = yaml.safe_load(PROJECT_FILE.read_text())["config"]
PEM = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"
KUBECONFIG = """
current-context: here
contexts: [{name: here, context: {cluster: c}}]
clusters: [{name: c, cluster: {server: "https://10.0.0.1:6443"}}]
"""
ROLLBACKS = (
    ("SchemaRollback checkpoints-rollback", SchemaRollbackProvider),
    ("UnfinishedRollback checkpoints-unfinished-rollback", UnfinishedRollbackProvider),
)
BASE = {
    "environment": "dev",
    "kubeconfig": KUBECONFIG,
    "vaultAddress": "https://10.0.0.1:8200",
    "databaseHost": "10.0.0.1",
    "databasePassword": "secret",
    "databaseUsername": "me",
    "manageDatabase": True,
    "manageSecret": True,
}
CHANGED = {
    "kubeconfig": KUBECONFIG.replace("10.0.0.1", "10.0.0.2"),
    "kubeContext": "here",
    "vaultAddress": "https://10.0.0.2:8200",
    "vaultAddressInCluster": "https://10.0.0.2:8200",
    "kubernetesHostForVault": "https://10.0.0.2:6443",
    "databaseHost": "10.0.0.2",
    "insecureDatabaseSslMode": "require",
    "backoffLimit": 4,
    "verify": "always",
}

STATE = {
    "kubeconfig": "k",
    "kube_context": "c",
    "namespace": "ns",
    "job_name": "agent-rollback-001",
    "manifest": "{}",
    "files": {"a": "b"},
    "seconds": 60.0,
    "__provider": "pickled",
}


@pytest.fixture
def provider() -> SchemaRollbackProvider:
    return SchemaRollbackProvider()


@pytest.mark.parametrize("key", [key for key in STATE if key != "__provider"])
def test_no_changed_input_ever_replaces_it(provider: SchemaRollbackProvider, key: str) -> None:
    result = provider.diff("id", STATE, STATE | {key: "changed"})

    assert result.changes is True
    assert result.replaces == []


def test_equal_inputs_are_no_change_whatever_the_code(provider: SchemaRollbackProvider) -> None:
    assert provider.diff("id", STATE, STATE | {"__provider": "other"}).changes is False


@pytest.fixture
def rollbacks(configure: Any, declare: Any) -> Callable[..., list[dict[str, Any]]]:
    """Return the inputs of both rollbacks for some settings, as the engine stores them."""

    def run(**values: Any) -> list[dict[str, Any]]:
        configure(**values)
        args = storage_args(Settings.load({}))
        declared = declare(lambda: CheckpointStorage("checkpoints", args)).declared
        return [declared[name].inputs for name, _ in ROLLBACKS]

    return run


@pytest.mark.parametrize("key", [key for key in DECLARED if key != "environment"])
def test_r6_no_changed_setting_ever_replaces_or_loses_a_rollback(
    rollbacks: Callable[..., list[dict[str, Any]]], tmp_path: Path, key: str
) -> None:
    (tmp_path / "ca.pem").write_text(PEM)
    default = BASE.get(key, DECLARED[key]["default"])
    value = CHANGED.get(key, "changed" if isinstance(default, str) else default)
    if isinstance(value, bool):
        value = not value
    elif value == default:
        value += 101
    elif key.endswith("File"):
        value = str(tmp_path / "ca.pem")
    others = {"manageDatabase": False} if key == "manageSecret" else {}

    before, after = rollbacks(**BASE), rollbacks(**(BASE | others | {key: value}))

    for (_, provider), olds, news in zip(ROLLBACKS, before, after, strict=True):
        assert provider().diff("id", olds, news).replaces == []


@pytest.fixture
def outcome(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], list[str]]:
    """Let rollback Jobs end like this; return the names of those that ran."""

    def ending(reason: str | None) -> list[str]:
        ran: list[str] = []

        def roll_back(props: dict[str, Any]) -> str | None:
            ran.append(props["job_name"])
            return reason

        monkeypatch.setattr(schema_rollback, "_roll_back", roll_back)
        monkeypatch.setattr(schema_rollback, "_done", set())
        # A refusal sets it for its whole process, where Pulumi's mocks would hang.
        monkeypatch.setattr(sys, "tracebacklimit", 1000, raising=False)
        return ran

    return ending


def test_the_second_rollback_of_one_destroy_does_not_run(
    outcome: Callable[[str | None], list[str]],
) -> None:
    ran = outcome(None)

    SchemaRollbackProvider().delete("ns/job", STATE)
    UnfinishedRollbackProvider().delete("ns/job", STATE | {"must_succeed": True})
    UnfinishedRollbackProvider().delete("ns/another", STATE | {"must_succeed": True})

    assert len(ran) == 2


def test_rows_that_would_go_with_their_database_stop_a_destroy_after_a_failed_first_up(
    outcome: Callable[[str | None], list[str]],
) -> None:
    outcome("refusing")

    with pytest.raises(Refused, match="the database and the access to it were not destroyed"):
        UnfinishedRollbackProvider().delete("ns/job", STATE | {"must_succeed": True})


def test_a_database_of_others_keeps_its_tables_where_a_first_up_failed(
    outcome: Callable[[str | None], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    outcome("refusing")

    UnfinishedRollbackProvider().delete("ns/job", STATE | {"must_succeed": False})

    said = capsys.readouterr().err
    assert said == (
        "the checkpoint tables stay, if there are any, since they could not go: refusing\n"
    )


@pytest.mark.parametrize(
    ("allowed", "claim", "containers"),
    [
        (True, "dumps", ["vault-init", "backup"]),
        (True, "", ["vault-init"]),
        (False, "dumps", ["vault-init"]),
    ],
)
def test_a_dump_comes_first_where_rows_may_go_and_a_claim_is_named(
    rollbacks: Callable[..., list[dict[str, Any]]],
    allowed: bool,
    claim: str,
    containers: list[str],
) -> None:
    for inputs in rollbacks(**BASE, allowDataLoss=allowed, rollbackBackupClaim=claim):
        pod = json.loads(inputs["manifest"])["spec"]["template"]["spec"]

        assert [container["name"] for container in pod["initContainers"]] == containers
        assert len(pod["containers"][0]["volumeMounts"]) == 3
