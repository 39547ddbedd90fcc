"""What the cluster lets the Jobs' pods be, and what they refuse to run."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from components.kubernetes.manifests import config_map
from tests.support.deployment import Deployment
from tests.support.failures import compare_line
from tests.support.pod_mutations import NOT_ADMITTED
from tests.support.pods import Manifest, Pods, changed
from tests.support.vault_api import VaultApi

MIGRATION = "agent-executor-migration-001"
ABOUT_ONESELF = (
    ("accessreviews", "authorization.k8s.io"),
    ("rulesreviews", "authorization.k8s.io"),
    ("reviews", "authentication.k8s.io"),
)
UP_FILE = "001_create_checkpointer_tables.up.sql"


def deployed(dev: Deployment) -> list[Manifest]:
    """Return every Kubernetes manifest of the program, that of the rollback Job included."""
    resources = json.loads(dev.state())["deployment"]["resources"]
    inputs = [r["inputs"] for r in resources if r["type"].startswith("kubernetes:")]
    (rollback,) = (r["inputs"] for r in resources if r["urn"].endswith("::checkpoints-rollback"))
    return [*inputs, json.loads(rollback["manifest"])]


@pytest.fixture(scope="module")
def strict(pods: Pods) -> str:
    """Return a namespace like ours, with a quota that counts every container."""
    namespace = pods.get("namespace", pods.namespace)
    name = f"{pods.namespace}-strict"
    labels = {k: v for k, v in namespace["metadata"]["labels"].items() if k.startswith("pod-sec")}
    resources = ("requests.cpu", "requests.memory", "limits.cpu", "limits.memory")
    quota = {"hard": dict.fromkeys(resources, "8G")}
    limits = {"limits": [{"type": "Container", "max": {"memory": "1Gi"}}]}
    metadata = {"name": "strict", "namespace": name}
    pods.create(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}},
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": quota},
        {"apiVersion": "v1", "kind": "LimitRange", "metadata": metadata, "spec": limits},
    ).expect()
    return name


def test_the_api_server_has_no_warning_for_any_manifest(
    dev: Deployment, pods: Pods, strict: str
) -> None:
    manifests = [m for m in deployed(dev) if m["kind"] not in ("Namespace", "ClusterRoleBinding")]
    for manifest in manifests:
        manifest["metadata"] = {
            "namespace": strict,
            "name": manifest["metadata"].get("name", "unnamed"),
            "annotations": manifest["metadata"].get("annotations", {}),
        }

    admitted = pods.create(*manifests, flags=("--dry-run=server", "--warnings-as-errors"))

    assert {"Job", "ConfigMap", "NetworkPolicy"} <= {m["kind"] for m in manifests}
    assert "arning" not in admitted.expect().text


def test_a_pod_that_is_less_confined_is_not_admitted(pods: Pods, strict: str) -> None:
    pod = pods.pod("right")
    pod["metadata"]["namespace"] = strict
    pod["spec"]["serviceAccountName"] = "default"
    mutants = [
        changed(pod, lambda m, name=name, change=change: rename(m, name, change))
        for name, change in NOT_ADMITTED.items()
    ]

    right = pods.create(pod, flags=("--dry-run=server", "--warnings-as-errors"))
    wrong = pods.create(*mutants, flags=("--dry-run=server",))

    right.expect()
    refused = {name for name in NOT_ADMITTED if f'pods "{name}" is forbidden' in wrong.text}
    assert refused == set(NOT_ADMITTED), wrong.text


def rename(pod: Manifest, name: str, change: Callable[[Manifest], object]) -> None:
    pod["metadata"]["name"] = name
    change(pod["spec"])


@pytest.mark.parametrize("account", ["agent-executor", "agent-executor-app"])
def test_the_service_accounts_may_do_nothing_in_the_api(pods: Pods, account: str) -> None:
    who = f"--as=system:serviceaccount:{pods.namespace}:{account}"

    rules = pods.kubectl("auth", "can-i", "--list", "--no-headers", who).expect().text

    # A rule begins with its resource; without one it is about what everybody may discover.
    resources = {line.split()[0] for line in rules.splitlines() if line[0].isalpha()}
    assert resources == {f"selfsubject{what}.{group}" for what, group in ABOUT_ONESELF}


def test_the_config_map_holds_no_secret(dev: Deployment, pods: Pods, vault: VaultApi) -> None:
    path = f"{dev.settings['vaultKvMount']}/data/bizmatters/agent-executor/postgres"
    password = vault.request("GET", path)[1]["data"]["data"]["password"]

    text = json.dumps([pods.get("configmaps"), pods.get("jobs"), pods.get("networkpolicies")])

    assert len(password) == 64
    assert password not in text
    assert MIGRATION in text


def test_the_policy_is_in_force_for_the_jobs_pods_and_for_no_others(
    dev: Deployment, pods: Pods
) -> None:
    policy = pods.get("networkpolicy", "agent-executor-jobs")["spec"]
    host = f"{dev.environ['PGHOST']}/32"

    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in policy, "an empty list of what may come in is not stored"
    assert [
        (rule.get("to"), [(p["protocol"], p["port"]) for p in rule["ports"]])
        for rule in policy["egress"]
    ] == [
        (None, [("UDP", 53), ("TCP", 53)]),
        ([{"ipBlock": {"cidr": host}}], [("TCP", 8200)]),
        ([{"ipBlock": {"cidr": host}}], [("TCP", 5432)]),
    ]
    jobs = {job["metadata"]["name"] for job in pods.get("jobs")["items"]}
    assert jobs == {MIGRATION, "agent-executor-verification-001"}
    assert all(selected(policy, pods.pod("x", kind)) for kind in ("migration", "verification"))
    assert not selected(policy, {"metadata": {"labels": {"app": "agent-executor"}}})


def selected(policy: Manifest, pod: Manifest) -> bool:
    labels: dict[str, Any] = pod["metadata"]["labels"]
    selector = policy["podSelector"]
    return selector["matchLabels"].items() <= labels.items() and all(
        labels.get(expression["key"]) in expression["values"]
        for expression in selector["matchExpressions"]
    )


TAMPERED: dict[str, tuple[str, Callable[[dict[str, str]], object]]] = {
    "changed": (
        f"{UP_FILE} (changed)",
        lambda files: files.update({UP_FILE: files[UP_FILE] + "DROP TABLE checkpoints;\n"}),
    ),
    "missing": ("verify.sh (missing)", lambda files: files.pop("verify.sh")),
    "added": (".psqlrc (added)", lambda files: files.update({".psqlrc": "\\! id\n"})),
    "swapped": (
        "vault-init.sh (changed)",
        lambda files: files.update({"vault-init.sh": "#!/bin/sh\nexit 0\n"}),
    ),
}


def test_tampered_files_are_refused_by_name_before_anything_connects(
    pods: Pods, vault: VaultApi
) -> None:
    pod = pods.pod("original")
    (volume,) = (v for v in pod["spec"]["volumes"] if v["name"] == "files")
    files: dict[str, str] = pods.get("configmap", volume["configMap"]["name"])["data"]
    before = vault.accessors()
    for what, (_, tamper) in TAMPERED.items():
        tampered = dict(files)
        tamper(tampered)
        volume["configMap"]["name"] = pod["metadata"]["name"] = f"tampered-{what}"
        manifest = config_map(pods.namespace, f"tampered-{what}", tampered)
        pods.create(manifest, pod).expect()

    for what, (sentence, _) in TAMPERED.items():
        ended = pods.end(f"tampered-{what}")
        assert ended.keys() == {"vault-init"}
        assert ended["vault-init"]["exitCode"] == 14
        assert (
            f"/migrations: {sentence}; nothing was connected to" in ended["vault-init"]["message"]
        )
        if what == "changed":
            compare_line("files changed", ended["vault-init"]["message"], "integrity: ", status=14)
    assert vault.accessors() == before


def test_the_config_map_cannot_be_edited(pods: Pods) -> None:
    volume = next(v for v in pods.pod("any")["spec"]["volumes"] if v["name"] == "files")[
        "configMap"
    ]
    patch = json.dumps({"data": {UP_FILE: "DROP TABLE checkpoints;\n"}})

    edited = pods.kubectl("patch", "configmap", volume["name"], "--type=merge", "-p", patch)

    assert edited.status != 0
    assert "immutable" in edited.text
