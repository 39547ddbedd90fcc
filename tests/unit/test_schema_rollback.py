import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace as Object
from typing import Any

import pytest
import yaml
from httpx2 import ReadError, Request, Response
from lightkube import ApiError

from components.checkpoint_storage import CheckpointStorage
from components.clients import faults
from components.kubernetes.files import packed
from components.ownership.refusal import Refused
from components.schema.files import load_migrations
from components.schema.marks import UNDONE
from components.schema.rollback import job, resources
from components.schema.rollback.resources import (
    FallbackRollbackProvider,
    SchemaRollbackProvider,
)
from components.settings.settings import PROJECT_FILE
from components.settings.settings import load as load_settings

DECLARED: dict[str, dict[str, Any]] = yaml.safe_load(PROJECT_FILE.read_text())["config"]
PEM = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"
KUBECONFIG = """
current-context: here
contexts: [{name: here, context: {cluster: c}}]
clusters: [{name: c, cluster: {server: "https://10.0.0.1:6443"}}]
"""
ROLLBACKS = (
    ("SchemaRollback checkpoints-rollback", SchemaRollbackProvider),
    ("FallbackRollback checkpoints-fallback-rollback", FallbackRollbackProvider),
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
    "databaseServerId": "7612345678901234567",
    "vaultServerId": "01234567-89ab-cdef-0123-456789abcdef",
    "insecureDatabaseSslMode": "require",
    "backoffLimit": 4,
    "verify": "always",
    "podTemplate": {"spec": {"nodeSelector": {"pool": "checkpoints"}}},
    "backupSchedule": "30 2 * * *",
    "backupClaimSize": "20Gi",
    "backupMemory": "2Gi",
    "backupBucketEndpoint": "https://s3.example.com",
    "restoreDrillSchedule": "0 4 * * 0",
    "retentionSchedule": "30 3 * * *",
    "applicationReplicas": 2,
    "applicationSetup": True,
    "monitoringRuleLabel": "release=graphs",
}
# What a setting cannot be without.
ALONG: dict[str, dict[str, Any]] = {
    "manageSecret": {"manageDatabase": False},
    "backupSchedule": {"backupClaim": "dumps"},
    "backupClaim": {"backupSchedule": "30 2 * * *"},
    "backupBucket": {"backupSchedule": "30 2 * * *"},
    "backupClaimSize": {"backupClaim": "dumps", "backupSchedule": "30 2 * * *"},
    "monitoringPrometheusRule": {"monitoring": True},
    "restoreDrillSchedule": {"backupClaim": "dumps", "backupSchedule": "30 2 * * *"},
    "retentionSchedule": {"retentionKeepLatestAfterDays": 30},
    "retentionKeepLatestAfterDays": {"retentionSchedule": "30 3 * * *"},
    "retentionDeleteOrphans": {
        "retentionSchedule": "30 3 * * *",
        "retentionKeepLatestAfterDays": 30,
    },
    "retentionDeleteThreadsAfterDays": {"retentionSchedule": "30 3 * * *"},
}

STATE = {
    "kubeconfig": "k",
    "kube_context": "c",
    "namespace": "ns",
    "job_name": "agent-rollback-001",
    "manifest": "{}",
    "files": packed({"a": "b"}),
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
        args = load_settings({})
        declared = declare(lambda: CheckpointStorage("checkpoints", args)).declared
        return [declared[name].inputs for name, _ in ROLLBACKS]

    return run


@pytest.mark.parametrize("key", [key for key in DECLARED if key != "environment"])
def test_no_changed_setting_ever_replaces_or_loses_a_rollback(
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
    others = ALONG.get(key, {})

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

        monkeypatch.setattr(resources, "_roll_back", roll_back)
        monkeypatch.setattr(resources, "_done", set())
        # A refusal sets it for its whole process, where Pulumi's mocks would hang.
        monkeypatch.setattr(sys, "tracebacklimit", 1000, raising=False)
        return ran

    return ending


def test_the_second_rollback_of_one_destroy_does_not_run(
    outcome: Callable[[str | None], list[str]],
) -> None:
    ran = outcome(None)

    SchemaRollbackProvider().delete("ns/job", STATE)
    FallbackRollbackProvider().delete("ns/job", STATE | {"must_succeed": True})
    FallbackRollbackProvider().delete("ns/another", STATE | {"must_succeed": True})

    assert len(ran) == 2


def test_rows_that_would_go_with_their_database_stop_a_destroy_after_a_failed_first_up(
    outcome: Callable[[str | None], list[str]],
) -> None:
    outcome("refusing")

    with pytest.raises(Refused, match="the database and the access to it were not destroyed"):
        FallbackRollbackProvider().delete("ns/job", STATE | {"must_succeed": True})


def test_no_permission_lets_a_database_go_under_those_who_are_connected_to_it(
    outcome: Callable[[str | None], list[str]],
) -> None:
    file = "001_create_checkpointer_tables.down.sql"
    (sentence,) = re.findall("MG022', MESSAGE = format\\(\\s*'(.*?)'", load_migrations()[file])
    outcome(f"container rollback ended with 10: refused: {sentence}")

    with pytest.raises(Refused, match="the database and the access to it were not destroyed"):
        FallbackRollbackProvider().delete("ns/job", STATE | {"must_succeed": False})


@pytest.mark.parametrize(
    ("allowed", "claim", "managed", "must_succeed"),
    [
        (False, "", True, True),
        (False, "dumps", True, True),
        (True, "dumps", True, True),
        (True, "", True, False),
        (False, "", False, False),
        (True, "dumps", False, False),
    ],
)
def test_a_managed_database_goes_without_its_rollback_only_if_its_rows_may_and_need_no_dump(
    rollbacks: Callable[..., list[dict[str, Any]]],
    allowed: bool,
    claim: str,
    managed: bool,
    must_succeed: bool,
) -> None:
    settings = BASE | {"manageDatabase": managed}

    for inputs in rollbacks(**settings, allowDataLoss=allowed, rollbackBackupClaim=claim):
        assert inputs["must_succeed"] is must_succeed


@pytest.mark.parametrize(
    ("owns", "fate"),
    [(False, "stay, if there are any"), (True, "go with their database")],
)
def test_what_becomes_of_the_tables_after_a_failed_first_up_is_said(
    outcome: Callable[[str | None], list[str]],
    capsys: pytest.CaptureFixture[str],
    owns: bool,
    fate: str,
) -> None:
    outcome("refusing")
    props = STATE | {"must_succeed": False, "owns_database": owns}

    FallbackRollbackProvider().delete("ns/job", props)

    said = capsys.readouterr().err
    assert said == f"the checkpoint tables {fate}; they were not rolled back: refusing\n"


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


MIGRATED = STATE | {"service_account": "agent", "migration_uid": "uid-1", "owner": "ours"}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the API server answer for the Jobs' ServiceAccount: with annotations or a status."""

    def answer(annotations: dict[str, str] | None = None, status: int = 200) -> None:
        def get(kind: Any, name: str, namespace: str) -> Object:
            assert (kind.__name__, name, namespace) == ("ServiceAccount", "agent", "ns")
            if status != 200:
                body = {"code": status, "message": "no"}
                raise ApiError(
                    response=Response(status, json=body, request=Request("GET", "http://"))
                )
            return Object(metadata=Object(annotations=annotations))

        monkeypatch.setattr(job, "connect", lambda _: Object(get=get))
        monkeypatch.setattr(sys, "tracebacklimit", 1000, raising=False)

    return answer


def test_a_rollback_is_not_made_for_a_migration_that_a_rollback_has_undone(account) -> None:
    account({UNDONE: "uid-1"})

    with pytest.raises(Refused, match="found that a destroy which was stopped dropped them"):
        SchemaRollbackProvider().create(MIGRATED)
    FallbackRollbackProvider().create(MIGRATED)


@pytest.mark.parametrize("annotations", [None, {}, {UNDONE: "uid-of-an-earlier-one"}])
def test_a_job_that_is_gone_by_its_time_to_live_makes_no_rollback_of_a_migration(
    account, annotations: dict[str, str] | None
) -> None:
    account(annotations)

    SchemaRollbackProvider().create(MIGRATED)


def test_a_rollback_is_made_where_there_is_no_account_and_refused_where_nobody_can_tell(
    account,
) -> None:
    account(status=404)
    SchemaRollbackProvider().create(MIGRATED)

    account(status=403)
    with pytest.raises(Refused, match="expected to see the Jobs' ServiceAccount, ApiError: no"):
        SchemaRollbackProvider().create(MIGRATED)


@pytest.mark.parametrize(
    ("fails", "said"),
    [
        ("Job", "nothing was destroyed: the rollback could not start: ReadError: cut; mend it"),
        (
            "ConfigMap",
            "nothing else was destroyed: Job ns/agent-rollback-001 was started and may still drop "
            "the tables: ReadError: cut; look at it",
        ),
    ],
)
def test_a_rollback_whose_job_was_made_is_not_said_to_have_never_started(
    monkeypatch: pytest.MonkeyPatch, fails: str, said: str
) -> None:
    failure = ReadError("cut")

    def create(made: Any) -> Object:
        if type(made).__name__ == fails:
            raise failure
        return Object(metadata=Object(uid="uid"))

    monkeypatch.setattr(faults, "INSIST_SECONDS", 0)
    monkeypatch.setattr(faults, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(job, "connect", lambda _: Object(create=create))
    monkeypatch.setattr(job.RollbackJob, "_remove_leftover", lambda _: None)
    monkeypatch.setattr(sys, "tracebacklimit", 1000, raising=False)
    metadata = {"name": "job", "annotations": {}}
    manifest = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata}

    with pytest.raises(Refused, match=re.escape(said)):
        SchemaRollbackProvider().delete("id", STATE | {"manifest": json.dumps(manifest)})
