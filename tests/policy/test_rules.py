"""Each rule by what it lets pass and what it refuses."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from components.kubernetes.files import packed
from policy.rules import RULES, STACK_RULES, Resource

Manifest = dict[str, Any]
RULE = {rule.name: rule for rule in RULES}
STACK_RULE = {rule.name: rule for rule in STACK_RULES}
DIGEST = "@sha256:" + "0" * 64
POD: Manifest = {
    "securityContext": {"runAsNonRoot": True, "runAsUser": 10001.0},
    "initContainers": [
        {
            "name": "first",
            "image": "hashicorp/vault:1.15",
            "resources": {"limits": {"cpu": "1", "memory": "64Mi"}},
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
            },
        }
    ],
    "containers": [
        {
            "name": "main",
            "image": f"registry.example.com:5000/postgres{DIGEST}",
            "resources": {"limits": {"cpu": "1", "memory": "64Mi"}},
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
            },
            "env": [{"name": "SECRET_PATH", "value": "kv/a/b"}, {"name": "PGPASSFILE"}],
        }
    ],
}
# How to reach the first container's fields, which no rule may forget.
FIRST = ("spec", "template", "spec", "initContainers", 0)
POD_SPEC = FIRST[:3]
CONTEXT = (*FIRST, "securityContext")
JOB: Manifest = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "job", "annotations": {"pulumi.com/replaceUnready": "true"}},
    "spec": {"template": {"spec": POD}},
}
CONFIG_MAP: Manifest = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "data": {
        "vault-init.sh": "password=$(cat file)\ncurl https://$user:$password@host",
        "pgpass.tpl": "{{ .password }}",
        "ca.pem": "-----BEGIN CERTIFICATE-----",
    },
}
ROLE: Manifest = {
    "boundServiceAccountNames": ["agent-executor"],
    "boundServiceAccountNamespaces": ["bizmatters"],
    "audience": "vault",
}
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJl"


def resource(
    type_: str, props: Manifest, *, stack: str = "prod", protect: bool = False
) -> Resource:
    urn = f"urn:pulumi:{stack}::langgraph-checkpoint::{type_}::x"
    return Resource(type_, "x", urn, props, protect)


def changed(manifest: Manifest, path: tuple[Any, ...], value: object) -> Manifest:
    """Return a copy with one field set, or removed where the value is None."""
    copied = copy.deepcopy(manifest)
    found: Any = copied
    for key in path[:-1]:
        found = found[key]
    if value is None:
        del found[path[-1]]
    else:
        found[path[-1]] = value
    return copied


def as_job(manifest: Manifest) -> Resource:
    return resource("kubernetes:batch/v1:Job", manifest)


def as_cron_job(manifest: Manifest) -> Resource:
    spec = {"schedule": "@daily", "jobTemplate": {"spec": manifest["spec"]}}
    return resource(
        "kubernetes:batch/v1:CronJob",
        {**manifest, "apiVersion": "batch/v1", "kind": "CronJob", "spec": spec},
    )


def as_pod(manifest: Manifest) -> Resource:
    pod = {**manifest, "kind": "Pod", "spec": manifest["spec"]["template"]["spec"]}
    return resource("kubernetes:core/v1:Pod", pod)


def as_rollback(manifest: Manifest) -> Resource:
    props = {"manifest": json.dumps(manifest), "files": packed(CONFIG_MAP["data"])}
    return resource("pulumi-python:dynamic:SchemaRollback", props)


SHAPES = {"Job": as_job, "CronJob": as_cron_job, "Pod": as_pod, "rollback": as_rollback}
REFUSED_IN_A_POD = {
    "non-root": {
        "runAsNonRoot absent": ((*POD_SPEC, "securityContext", "runAsNonRoot"), None),
        "runAsNonRoot overridden": ((*CONTEXT, "runAsNonRoot"), False),
        "user 0": ((*CONTEXT, "runAsUser"), 0.0),
        "escalation not forbidden": ((*CONTEXT, "allowPrivilegeEscalation"), None),
        "privileged": ((*CONTEXT, "privileged"), True),
        "no context at all": ((*POD_SPEC, "securityContext"), None),
    },
    "read-only-root": {
        "absent": ((*CONTEXT, "readOnlyRootFilesystem"), None),
        "false": ((*CONTEXT, "readOnlyRootFilesystem"), False),
    },
    "limits": {
        "no memory": ((*FIRST, "resources", "limits", "memory"), None),
        "no cpu": ((*FIRST, "resources", "limits", "cpu"), None),
        "requests only": ((*FIRST, "resources"), {"requests": {"cpu": "1", "memory": "1Mi"}}),
        "nothing": ((*FIRST, "resources"), None),
    },
    "no-open-secrets": {
        "a password": ((*FIRST, "env"), [{"name": "PGPASSWORD", "value": "x"}]),
        "a token": ((*FIRST, "env"), [{"name": "VAULT_TOKEN", "value": "x"}]),
        "a URL": ((*FIRST, "env"), [{"name": "DB", "value": "postgresql://me:pw@host/db"}]),
        "a token by its looks": ((*FIRST, "env"), [{"name": "X", "value": "hvs." + "a" * 24}]),
        "a Secret's key": (
            (*FIRST, "env"),
            [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
        ),
        "a whole Secret": ((*FIRST, "envFrom"), [{"secretRef": {"name": "s"}}]),
    },
    "pinned-images": {
        "latest": ((*FIRST, "image"), "postgres:latest"),
        "no tag": ((*FIRST, "image"), "postgres"),
        "no tag, but a port": ((*FIRST, "image"), "registry.example.com:5000/postgres"),
        "a tag without a release": ((*FIRST, "image"), "postgres:alpine"),
        "half a digest": ((*FIRST, "image"), "postgres@sha256:0123"),
        "none": ((*FIRST, "image"), None),
    },
    "images-by-digest": {
        "a tag": ((*FIRST, "image"), "postgres:16.4-alpine"),
    },
}
CASES = [
    pytest.param(rule, path, value, id=f"{rule}: {case}")
    for rule, cases in REFUSED_IN_A_POD.items()
    for case, (path, value) in cases.items()
]


def violations(rule: str, judged: Resource) -> list[str]:
    return list(RULE[rule].check(judged))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("rule", [rule for rule in RULE if rule != "images-by-digest"])
def test_what_keeps_to_the_rules_passes(rule: str, shape: str) -> None:
    assert violations(rule, SHAPES[shape](JOB)) == []


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("rule", "path", "value"), CASES)
def test_what_breaks_a_rule_is_refused_in_every_kind_of_pod(
    rule: str, path: tuple[Any, ...], value: object, shape: str
) -> None:
    (violation, *_) = violations(rule, SHAPES[shape](changed(JOB, path, value)))

    assert violation.startswith("container first: ")


@pytest.mark.parametrize(("stack", "asked"), [("dev", False), ("staging", True), ("prod", True)])
def test_digests_are_asked_for_past_dev(stack: str, asked: bool) -> None:
    tagged = resource("kubernetes:batch/v1:Job", JOB, stack=stack)

    found = violations("images-by-digest", tagged)

    assert [line.split(":")[0] for line in found] == (["container first"] if asked else [])


@pytest.mark.parametrize(
    "data",
    [
        {"password": "x"},
        {"db-password": "x"},
        {"client.key": "-----BEGIN EC PRIVATE KEY-----\nabc"},
        {"app.env": "DATABASE_URL=postgresql://me:hunter2@host/db"},
        {"token.txt": JWT},
    ],
    ids=lambda data: next(iter(data)),
)
def test_a_secret_in_a_config_map_is_refused(data: dict[str, str]) -> None:
    config_map = resource("kubernetes:core/v1:ConfigMap", CONFIG_MAP | {"data": data})
    carried = resource(
        "pulumi-python:dynamic:X", {"manifest": json.dumps(JOB), "files": packed(data)}
    )

    assert violations("no-open-secrets", config_map)
    assert violations("no-open-secrets", carried)


def test_a_config_map_of_scripts_passes() -> None:
    found = resource("kubernetes:core/v1:ConfigMap", CONFIG_MAP)

    assert violations("no-open-secrets", found) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("boundServiceAccountNames", ["*"]),
        ("boundServiceAccountNames", ["agent-*"]),
        ("boundServiceAccountNames", None),
        ("boundServiceAccountNamespaces", ["bizmatters", "*"]),
        ("boundServiceAccountNamespaces", []),
        ("boundServiceAccountNamespaceSelector", '{"matchLabels": {}}'),
        ("audience", None),
        ("audience", ""),
        ("audience", "*"),
    ],
)
def test_a_vault_role_without_exact_bounds_is_refused(field: str, value: object) -> None:
    type_ = "vault:kubernetes/authBackendRole:AuthBackendRole"

    assert violations("exact-vault-roles", resource(type_, ROLE)) == []
    assert violations("exact-vault-roles", resource(type_, changed(ROLE, (field,), value)))


@pytest.mark.parametrize("shape", ["Job", "Pod", "rollback"])
def test_a_job_that_is_not_awaited_is_refused(shape: str) -> None:
    annotations = ("metadata", "annotations")
    skipped = changed(JOB, annotations, {"pulumi.com/skipAwait": "true"})
    explicit = changed(JOB, annotations, {"pulumi.com/skipAwait": "false"})

    assert violations("awaited", SHAPES[shape](skipped))
    assert violations("awaited", SHAPES[shape](explicit)) == []


def test_a_config_map_needs_no_waiting() -> None:
    metadata = {"annotations": {"pulumi.com/skipAwait": "true"}}
    found = resource("kubernetes:core/v1:ConfigMap", CONFIG_MAP | {"metadata": metadata})

    assert violations("awaited", found) == []


HOLDERS = {
    "postgresql:index/database:Database": ({"name": "d"}, {"database": "d"}),
    "postgresql:index/schema:Schema": ({"name": "s"}, {"schema": "s"}),
    "vault:index/mount:Mount": ({"path": "kv"}, {"KV mount": "kv"}),
}
Holder = Callable[..., list[str]]


@pytest.fixture(params=HOLDERS)
def unprotected(request: pytest.FixtureRequest) -> Holder:
    """Judge one thing that holds rows, beside a guard that owns what it is told."""
    props, owned = HOLDERS[request.param]

    def judge(*, stack: str = "prod", guard: object = None, **options: bool) -> list[str]:
        judged = [resource(request.param, props, stack=stack, **options)]
        if guard is not None:
            props_of_guard = {"owned": owned, "allow_data_loss": guard == "lets go"}
            judged.append(resource("pulumi-python:dynamic:DataGuard", props_of_guard, stack=stack))
        found = STACK_RULE["protected-rows"].check(judged)
        return [one.type.split(":")[-1] for one, _ in found]

    return judge


def test_what_holds_rows_is_refused_unprotected_in_prod_only(unprotected: Holder) -> None:
    assert len(unprotected()) == 1
    assert unprotected(stack="staging") == []


def test_what_holds_rows_passes_protected_or_guarded(unprotected: Holder) -> None:
    assert unprotected(protect=True) == []
    assert unprotected(guard="holds") == []


def test_a_guard_that_lets_rows_go_is_refused_in_prod(unprotected: Holder) -> None:
    assert unprotected(guard="lets go", protect=True) == ["DataGuard"]
    assert len(unprotected(guard="lets go")) == 2
    assert unprotected(guard="lets go", stack="dev") == []
