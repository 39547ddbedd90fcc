"""Pods on a cluster that asks for more: a taint, a label, and user ids of its own range."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from components.jobs.patch import strategic
from components.jobs.pod import USER_ID
from tests.integration.conftest import DEV
from tests.support.deployment import Deployment
from tests.support.pods import Pods

NAMESPACE = "pod-template"
TAINT = {"key": "dedicated", "value": "checkpoints", "effect": "NoSchedule"}
LABEL = "example.com/cost-centre"
CENTRE = "the label example.com/cost-centre is required"
USER = 1000650001
IDS = ("runAsUser", "runAsGroup", "fsGroup")
# What OpenShift's restricted-v2 asks of ids: none, or those of the namespace's range.
RANGE = """
!has(object.spec.securityContext) || !has(object.spec.securityContext.{0}) ||
(object.spec.securityContext.{0} >= 1000650000 && object.spec.securityContext.{0} <= 1000659999)
"""
SCHEDULED = {"retentionSchedule": "0 0 1 1 *", "retentionKeepLatestAfterDays": 3650}
RULES = [
    {
        "expression": f"has(object.metadata.labels) && '{LABEL}' in object.metadata.labels",
        "message": CENTRE,
    },
    *(
        {"expression": RANGE.format(field), "message": f"{field} is not of the range"}
        for field in IDS
    ),
]


def patch(identity: int | None) -> dict[str, Any]:
    """Return what the cluster asks for, with ids of a range or without any."""
    return {
        "metadata": {"labels": {LABEL: "4711"}},
        "spec": {
            "nodeSelector": {"pool": "checkpoints"},
            "tolerations": [TAINT],
            "securityContext": dict.fromkeys(IDS, identity),
            "containers": [{"name": "*", "env": [{"name": "NO_PROXY", "value": "*"}]}],
        },
    }


def policy() -> list[dict[str, Any]]:
    """Return what the API server asks of the pods of the namespace."""
    rules = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"]}
    head = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": NAMESPACE}}
    selected = {"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}}
    return [
        head
        | {
            "kind": "ValidatingAdmissionPolicy",
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [{**rules, "resources": ["pods"]}]},
                "validations": RULES,
            },
        },
        head
        | {
            "kind": "ValidatingAdmissionPolicyBinding",
            "spec": {
                "policyName": NAMESPACE,
                "validationActions": ["Deny"],
                "matchResources": {"namespaceSelector": selected},
            },
        },
    ]


@pytest.fixture(scope="module")
def asking(deploy: Callable[..., Deployment]) -> Iterator[Deployment]:
    """Make an environment whose cluster asks for all of it, and ask for nothing at the end."""
    dev = deploy(NAMESPACE, **DEV | {"startSeconds": 5})
    (node,) = json.loads(dev.run("kubectl", "get", "nodes", "-o", "json").expect().text)["items"]
    name, taint = node["metadata"]["name"], "{key}={value}:{effect}".format(**TAINT)
    file = dev.folder / "policy.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": policy()}))
    try:
        dev.run("kubectl", "taint", "node", name, taint).expect()
        dev.run("kubectl", "label", "node", name, "pool=checkpoints").expect()
        dev.run("kubectl", "apply", "-f", str(file)).expect()
        yield dev
    finally:
        dev.run("kubectl", "taint", "node", name, f"{taint}-").expect()
        dev.run("kubectl", "label", "node", name, "pool-").expect()
        dev.run("kubectl", "delete", "-f", str(file)).expect()


def pods_of(dev: Deployment) -> list[dict[str, Any]]:
    return Pods(dev).get("pods")["items"]


def test_the_pods_are_refused_until_the_setting_says_what_the_cluster_asks_for(
    asking: Deployment,
) -> None:
    refused = asking.up()
    asking.configure(podTemplate=patch(None))
    without_ids = asking.up()
    asking.configure(podTemplate=patch(USER), **SCHEDULED)
    admitted = asking.up()

    assert refused.status != 0
    assert CENTRE in refused.text
    # The pod is admitted and on the node, where OpenShift would have drawn an id for it.
    assert without_ids.status != 0
    assert "container has runAsNonRoot and image will run as root" in without_ids.text
    admitted.expect()
    jobs = {pod["metadata"]["labels"]["app.kubernetes.io/name"] for pod in pods_of(asking)}
    assert jobs == {"agent-executor-migration", "agent-executor-verification"}
    for pod in pods_of(asking):
        assert pod["status"]["phase"] == "Succeeded"
        assert pod["metadata"]["labels"][LABEL] == "4711"
        assert pod["spec"]["securityContext"]["runAsUser"] == USER


def test_the_cluster_admits_none_of_the_programs_own_ids(asking: Deployment) -> None:
    pods = Pods(asking)
    for field in IDS:
        pod = pods.pod(field.lower())
        pod["metadata"]["labels"][LABEL] = "4711"
        pod["spec"]["securityContext"][field] = USER_ID
        refused = pods.create(pod, flags=["--dry-run=server"])

        assert f"{field} is not of the range" in refused.text
        pod["spec"]["securityContext"][field] = USER
        pods.create(pod, flags=["--dry-run=server"]).expect()


def test_a_scheduled_pod_is_admitted_too(asking: Deployment) -> None:
    pods = Pods(asking)
    pods.kubectl("create", "job", "now", "--from=cronjob/agent-executor-retention").expect()
    pods.kubectl("wait", "--for=condition=Complete", "job/now", "--timeout=60s").expect()
    pods.kubectl("delete", "job", "now").expect()


def test_an_unchanged_setting_changes_nothing_and_the_rollback_has_it_too(
    asking: Deployment,
) -> None:
    again = asking.preview("--expect-no-changes")
    gone = asking.destroy()

    again.expect()
    gone.expect()


DEFAULTS = {
    "imagePullPolicy": "Always",
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
SPREAD = {
    "topologyKey": "zone",
    "maxSkew": 1,
    "whenUnsatisfiable": "ScheduleAnyway",
    "labelSelector": {"matchLabels": {"a": "1"}},
}
ORIGINAL: dict[str, Any] = {
    "metadata": {"labels": {"a": "1", "b": "2"}},
    "spec": {
        "nodeSelector": {"kubernetes.io/os": "linux", "pool": "x"},
        "securityContext": {"runAsUser": 1, "fsGroup": 2, "runAsNonRoot": True},
        "imagePullSecrets": [{"name": "one"}, {"name": "two"}],
        "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["a"]}],
        "tolerations": [{"key": "one", "operator": "Exists"}],
        "topologySpreadConstraints": [SPREAD],
        "volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "emptyDir": {}}],
        "initContainers": [{"name": "first", "image": "x:1", **DEFAULTS}],
        "containers": [
            {
                "name": "main",
                "image": "x:1",
                "args": ["a", "b"],
                "env": [{"name": key, "value": key} for key in "ABCD"],
                **DEFAULTS,
                "resources": {"limits": {"cpu": "1", "memory": "64Mi"}},
            }
        ],
    },
}
MERGED: dict[str, dict[str, Any]] = {
    "objects": {
        "metadata": {"labels": {"a": None, "c": "3"}},
        "spec": {"nodeSelector": {"y": "z"}},
    },
    "null": {"spec": {"securityContext": {"runAsUser": None, "fsGroup": None}, "affinity": None}},
    "nested": {"spec": {"containers": [{"name": "main", "resources": {"limits": {"cpu": None}}}]}},
    "new variables": {
        "spec": {
            "containers": [
                {"name": "main", "env": [{"name": key, "value": "new"} for key in "XYZ"]},
            ]
        }
    },
    "variables in another order": {
        "spec": {
            "containers": [
                {"name": "main", "env": [{"name": key, "value": "new"} for key in "XDYBZ"]},
            ]
        }
    },
    "lists without a key": {"spec": {"containers": [{"name": "main", "args": ["c"]}]}},
    "secrets": {"spec": {"imagePullSecrets": [{"name": "three"}, {"name": "one"}]}},
    "aliases": {
        "spec": {
            "hostAliases": [
                {"ip": "10.0.0.2", "hostnames": ["b"]},
                {"ip": "10.0.0.1", "hostnames": ["c"]},
            ]
        }
    },
    "tolerations": {"spec": {"tolerations": [{"key": "two", "operator": "Exists"}]}},
    "spread": {
        "spec": {
            "topologySpreadConstraints": [SPREAD | {"maxSkew": 3}, SPREAD | {"topologyKey": "h"}]
        }
    },
    "volumes": {"spec": {"volumes": [{"name": "c", "emptyDir": {"medium": "Memory"}}]}},
    "a container": {
        "spec": {"initContainers": [{"name": "mesh", "image": "y:1", **DEFAULTS, "stdin": None}]}
    },
}


def test_the_api_server_merges_the_same(asking: Deployment) -> None:
    manifest = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "original"}}
    place = ("--namespace", "default")
    file = asking.folder / "template.json"
    file.write_text(json.dumps(manifest | {"template": ORIGINAL}))
    asking.run("kubectl", "create", *place, "-f", str(file)).expect()
    try:
        get = asking.run("kubectl", "get", *place, "podtemplate", "original", "-o", "json")
        original = json.loads(get.expect().text)["template"]
        for what, change in MERGED.items():
            text = json.dumps({"template": change})
            command = ("patch", *place, "podtemplate", "original", "--type=strategic", "-p", text)
            done = asking.run("kubectl", *command, "--dry-run=server", "-o", "json").expect()
            assert strategic(original, change) == json.loads(done.text)["template"], what
    finally:
        asking.run("kubectl", "delete", *place, "podtemplate", "original").expect()
