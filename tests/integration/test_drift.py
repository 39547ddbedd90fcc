"""What preview, up and up --refresh do about changes made behind Pulumi: docs/drift.md's table."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.database import application_credential, as_parameters, connect
from tests.support.deployment import Deployment, Outcome

ROW = "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('t', 'c', '{}')"
LEDGER = "SELECT v, xmin::text FROM checkpoint_migrations ORDER BY v"
ROTATED = "a rotated password"
MIGRATION, VERIFICATION = "agent-executor-migration-001", "agent-executor-verification-001"


class Environment:
    """A deployed environment, its tools at hand."""

    def __init__(self, dev: Deployment) -> None:
        self.dev, self.database = dev, dev.settings["databaseName"]
        self.role = f"auth/{dev.settings['vaultAuthMount']}/role/{dev.settings['vaultRole']}"
        self.policy = f"sys/policies/acl/{dev.settings['vaultPolicy']}"

    def bao(self, *arguments: str) -> str:
        return self.dev.run("bao", *arguments).expect().text

    def read(self, path: str) -> dict[str, Any]:
        return json.loads(self.bao("read", "-format=json", path))["data"]

    def kubectl(self, *arguments: str) -> str:
        return (
            self.dev.run("kubectl", "-n", self.dev.settings["namespace"], *arguments).expect().text
        )

    def uid(self, job: str) -> str:
        return self.kubectl("get", "job", job, "-o", "jsonpath={.metadata.uid}")

    def query(self, statement: str) -> list[Any]:
        with connect(self.dev, self.database) as connection:
            return connection.execute(statement.encode()).fetchall()

    def execute(self, statement: str) -> None:
        with connect(self.dev, self.database) as connection:
            connection.execute(statement.encode())


@dataclass(frozen=True)
class Drift:
    """A change made outside and how to see that it is gone."""

    resource: str
    operation: str
    change: Callable[[Environment], object]
    repaired: Callable[[Environment], bool]


def recreate_config_map(here: Environment) -> None:
    name = here.kubectl("get", "configmaps", "-o", "name").split("configmap/agent-executor-")[1]
    name = f"agent-executor-{name.split()[0]}"
    here.kubectl("delete", "configmap", name)
    here.kubectl("create", "configmap", name, "--from-literal=migrate.sh=planted")


DRIFTS = {
    "widened role": Drift(
        "checkpoints-access-role",
        "update",
        lambda here: here.bao(
            *("write", here.role, "bound_service_account_names=*", "audience=vault"),
            *("bound_service_account_namespaces=*", "token_policies=default", "token_num_uses=0"),
        ),
        lambda here: (
            here.read(here.role)["bound_service_account_names"] == ["agent-executor"]
            and here.read(here.role)["token_policies"] == [here.dev.settings["vaultPolicy"]]
        ),
    ),
    "edited policy": Drift(
        "checkpoints-access-policy",
        "update",
        lambda here: here.bao(
            "write", here.policy, 'policy=path "*" { capabilities = ["read", "list"] }'
        ),
        lambda here: 'path "*"' not in here.read(here.policy)["policy"],
    ),
    "deleted policy": Drift(
        "checkpoints-application-access-policy",
        "update",
        lambda here: here.bao("delete", f"{here.policy}-app"),
        lambda here: "data/" in here.read(f"{here.policy}-app")["policy"],
    ),
    "deleted role": Drift(
        "checkpoints-application-access-role",
        "create",
        lambda here: here.bao("delete", f"{here.role}-app"),
        lambda here: here.read(f"{here.role}-app")["audience"] == "vault",
    ),
    "deleted ServiceAccount": Drift(
        "checkpoints-access-account",
        "create",
        lambda here: here.kubectl("delete", "serviceaccount", "agent-executor"),
        lambda here: bool(here.kubectl("get", "serviceaccount", "agent-executor")),
    ),
    "edited ServiceAccount": Drift(
        "checkpoints-application-access-account",
        "update",
        lambda here: here.kubectl(
            *("patch", "serviceaccount", "agent-executor-app"),
            *("-p", '{"automountServiceAccountToken": true}'),
        ),
        lambda here: (
            here.kubectl(
                *("get", "serviceaccount", "agent-executor-app"),
                *("-o", "jsonpath={.automountServiceAccountToken}"),
            )
            == "false"
        ),
    ),
    "opened NetworkPolicy": Drift(
        "checkpoints-network",
        "update",
        lambda here: here.kubectl(
            *("patch", "networkpolicy", "agent-executor-jobs", "--type=merge"),
            *("-p", '{"spec": {"egress": [{}]}}'),
        ),
        lambda here: (
            "53"
            in here.kubectl(
                *("get", "networkpolicy", "agent-executor-jobs"),
                *("-o", "jsonpath={.spec.egress[*].ports[*].port}"),
            )
        ),
    ),
    "exchanged ConfigMap": Drift(
        "checkpoints-migration-files",
        "replace",
        recreate_config_map,
        lambda here: "planted" not in here.kubectl("get", "configmaps", "-o", "yaml"),
    ),
    "Job gone by its TTL": Drift(
        "checkpoints-migration-job",
        "create",
        lambda here: here.kubectl("delete", "job", MIGRATION, "--wait"),
        lambda here: bool(here.uid(MIGRATION)),
    ),
    "altered database role": Drift(
        "checkpoints-database-application",
        "update",
        lambda here: here.execute(f'ALTER ROLE "{here.database}_app" CREATEDB'),
        lambda here: here.query(
            f"SELECT rolcreatedb FROM pg_roles WHERE rolname = '{here.database}_app'"
        ) == [(False,)],
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Found:
    """How each command ended over all drifts at once."""

    here: Environment
    preview: Outcome
    up: Outcome
    refreshed: dict[str, str]
    ledger: list[Any]
    repaired: Outcome


def operations(outcome: Outcome) -> dict[str, str]:
    """Return what a preview in JSON would do, by the resource's name."""
    steps = json.loads(outcome.expect().text)["steps"]
    return {step["urn"].rpartition("::")[2]: step["op"] for step in steps if step["op"] != "same"}


@pytest.fixture(scope="module")
def here(dev: Deployment) -> Environment:
    return Environment(dev)


@pytest.fixture(scope="module")
def found(here: Environment) -> Found:
    """Make every drift, then let each command meet all of them: an `up` takes seconds."""
    here.execute(ROW)
    ledger = here.query(LEDGER)
    for drift in DRIFTS.values():
        drift.change(here)
    dev = here.dev
    return Found(
        here,
        preview=dev.preview("--expect-no-changes"),
        up=dev.up("--expect-no-changes"),
        refreshed=operations(dev.preview("--refresh", "--json")),
        ledger=ledger,
        repaired=dev.up("--refresh"),
    )


def test_f32_without_refresh_neither_preview_nor_up_looks_at_what_is_there(found: Found) -> None:
    found.preview.expect()
    found.up.expect()


@pytest.mark.parametrize("drift", DRIFTS.values(), ids=DRIFTS.keys())
def test_f31_f32_s13_a_refresh_shows_the_drift_and_up_mends_it(found: Found, drift: Drift) -> None:
    assert found.refreshed[drift.resource] == drift.operation
    found.repaired.expect()
    assert drift.repaired(found.here)


def test_a_drift_of_everything_changes_no_row(found: Found) -> None:
    assert found.here.query("SELECT thread_id FROM checkpoints") == [("t",)]
    assert found.here.query(LEDGER) == found.ledger
    assert len(found.ledger) == 10


def test_a_rotation_outside_is_never_undone(here: Environment) -> None:
    dev, kv = here.dev, f"-mount={here.dev.settings['vaultKvMount']}"
    for role, suffix in (("migrator", ""), ("app", "-app")):
        here.execute(f"ALTER ROLE \"{here.database}_{role}\" PASSWORD '{ROTATED}'")
        path = f"bizmatters/agent-executor/postgres{suffix}"
        here.bao("kv", "patch", kv, path, f"password={ROTATED}")

    dev.up("--refresh", "--expect-no-changes").expect()
    dev.configure(keepSecretVersions=True, timeoutSeconds=599)
    dev.up("--refresh").expect()

    credential = as_parameters(application_credential(dev))
    assert credential["password"] == ROTATED
    with connect(dev, here.database, credential) as connection:
        assert connection.execute("SELECT count(*) FROM checkpoints").fetchone() == (1,)
    assert ROTATED not in dev.state()


def test_a_schema_changed_by_hand_is_seen_by_a_verification_on_every_up(here: Environment) -> None:
    dev = here.dev
    here.execute("DROP INDEX checkpoints_thread_id_idx")
    dev.preview("--refresh", "--expect-no-changes").expect()

    dev.configure(verify="always")
    planned = operations(dev.preview("--json"))
    jobs = here.uid(MIGRATION), here.uid(VERIFICATION)
    outcome = dev.up()

    assert planned == {
        "checkpoints-verification-job": "replace",
        "checkpoints-verification-report": "update",
    }
    assert outcome.status != 0
    assert "checkpoints_thread_id_idx" in outcome.text
    assert here.uid(MIGRATION) == jobs[0]
    assert here.uid(VERIFICATION) != jobs[1]


def test_the_migration_run_again_mends_the_schema(here: Environment) -> None:
    here.kubectl("delete", "job", MIGRATION, "--wait")
    here.dev.up("--refresh").expect()
    verified, migrated = here.uid(VERIFICATION), here.uid(MIGRATION)

    here.dev.up().expect()

    assert here.dev.outputs()["verification"]["ok"] is True
    assert here.uid(VERIFICATION) != verified
    assert here.uid(MIGRATION) == migrated
    assert here.query("SELECT thread_id FROM checkpoints") == [("t",)]
