"""What `podTemplate` says reaches every pod, and what would break a promise is refused."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from components.inputs.checks import InputsError, check
from components.inputs.pod_names import (
    ANNOTATIONS,
    CONTAINERS,
    LABELS,
    VARIABLE_PREFIXES,
    VARIABLES,
    VOLUMES,
)
from components.inputs.pod_rules import KEPT, pod_template_problems
from components.jobs.patch import strategic
from components.settings.settings import load as load_settings
from render.argocd import argocd
from render.helm import chart
from render.plain import plain
from tests.support.deployment import REPOSITORY
from tests.unit.test_checkpoint_backup import BUCKET
from tests.unit.test_checkpoint_storage import DEV, ENVIRON, EVERY_PART, storage  # noqa: F401

CLAIM = DEV | EVERY_PART | {"allowDataLoss": True, "rollbackBackupClaim": "dumps"}
KINDS = ("migration", "verification", "rollback", "backup", "restore-drill", "retention")
EVERYTHING: dict[str, Any] = {
    "metadata": {"labels": {"team": "graphs"}, "annotations": {"example.com/zone": "a"}},
    "spec": {
        "imagePullSecrets": [{"name": "mirror"}],
        "nodeSelector": {"pool": "checkpoints"},
        "tolerations": [{"key": "dedicated", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {}}},
        "topologySpreadConstraints": [{"topologyKey": "zone", "maxSkew": 1}],
        "priorityClassName": "batch",
        "runtimeClassName": "gvisor",
        "hostAliases": [{"ip": "10.0.0.9", "hostnames": ["vault.example.com"]}],
        "securityContext": {"runAsUser": None, "runAsGroup": None, "fsGroup": None},
        "volumes": [{"name": "extra", "emptyDir": {}}],
        "initContainers": [
            {
                "name": "mesh",
                "image": "mesh:1",
                "restartPolicy": "Always",
                "volumeMounts": [{"name": "extra", "mountPath": "/extra"}],
            }
        ],
        "containers": [
            {"name": "*", "env": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}]},
            {"name": "migrate", "resources": {"limits": {"memory": "512Mi", "cpu": None}}},
        ],
    },
}


def templates(resources: Any) -> dict[str, dict[str, Any]]:
    """Return the template of each pod that a deployment makes, by what the pod is for."""
    found: dict[str, dict[str, Any]] = {}
    for name, resource in resources.items():
        given = resource.inputs
        if name.startswith(("SchemaRollback", "FallbackRollback")):
            given = json.loads(given["manifest"])
            found[name] = given["spec"]["template"]
        elif name.startswith("Job "):
            found[name] = given["spec"]["template"]
        elif name.startswith("CronJob "):
            found[name] = given["spec"]["jobTemplate"]["spec"]["template"]
    return found


def own(template: dict[str, Any]) -> list[dict[str, Any]]:
    spec = template["spec"]
    return [e for e in spec["initContainers"] + spec["containers"] if e["name"] in CONTAINERS]


def problems(template: Any) -> list[str]:
    return list(pod_template_problems(template))


@pytest.mark.parametrize("settings", [CLAIM, BUCKET], ids=["claim", "bucket"])
def test_every_pod_gets_it(storage, settings: dict[str, Any]) -> None:  # noqa: F811
    before = templates(storage(**settings))
    after = templates(storage(**settings, podTemplate=EVERYTHING))

    kinds = {each["metadata"]["labels"]["app.kubernetes.io/name"] for each in after.values()}
    wanted = KINDS if settings is CLAIM else KINDS[:-1]
    assert kinds == {f"agent-executor-{kind}" for kind in wanted}
    for name, template in after.items():
        metadata, spec = template["metadata"], template["spec"]
        plain = before[name]
        assert metadata["labels"] == {**plain["metadata"]["labels"], "team": "graphs"}
        assert metadata["annotations"]["example.com/zone"] == "a"
        assert metadata["annotations"].items() >= plain["metadata"]["annotations"].items()
        as_said = {*EVERYTHING["spec"]} - {
            "nodeSelector",
            "securityContext",
            "volumes",
            "initContainers",
            "containers",
        }
        assert {key: spec[key] for key in as_said} == {
            key: EVERYTHING["spec"][key] for key in as_said
        }
        assert spec["nodeSelector"] == {"kubernetes.io/os": "linux", "pool": "checkpoints"}
        assert spec["securityContext"] == {
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert spec["volumes"] == EVERYTHING["spec"]["volumes"] + plain["spec"]["volumes"]
        assert spec["initContainers"][0] == EVERYTHING["spec"]["initContainers"][0]
        assert [e["name"] for e in own(template)] == [e["name"] for e in own(plain)]
        for container, unpatched in zip(own(template), own(plain), strict=True):
            assert container["env"][0] == {"name": "HTTPS_PROXY", "value": "http://proxy:3128"}
            assert container["env"][1:] == unpatched["env"]
            kept = {"image", "command", "args", "volumeMounts", "securityContext"}
            assert {k: container[k] for k in kept} == {k: unpatched[k] for k in kept}
            limits = container["resources"]["limits"]
            if container["name"] == "migrate":
                assert limits == {"memory": "512Mi"}
            else:
                assert limits == unpatched["resources"]["limits"]


@pytest.mark.parametrize("part", [plain, argocd, chart])
def test_every_deployer_gets_it(configure, part: Any) -> None:
    configure(**DEV, podTemplate=EVERYTHING)

    files = part(load_settings(ENVIRON)).values()
    jobs = [text for text in files if "kind: Job" in text]

    assert len(jobs) >= 2
    for text in jobs:
        image = r"image: '?\"?(mesh:1|\{\{ .Values.\w+ \}\})"
        assert "team: graphs" in text
        assert "image: mesh:1" in text
        assert part is not chart or len(re.findall(image, text)) == text.count("image: ")


@pytest.mark.parametrize("given", [{}, {"metadata": {}, "spec": {}}])
def test_an_empty_one_changes_nothing(storage, given: dict[str, Any]) -> None:  # noqa: F811
    assert templates(storage(**CLAIM, podTemplate=given)) == templates(storage(**CLAIM))


def test_json_in_a_text_is_an_object(configure) -> None:
    configure()

    args, found = check({"podTemplate": json.dumps(EVERYTHING)}, ENVIRON)

    assert found == []
    assert args.pod_template == EVERYTHING


def test_whole_numbers_of_the_engine_are_numbers(configure) -> None:
    configure()
    given = {"spec": {"tolerations": [{"tolerationSeconds": 30.0}], "priority": 7.0}}

    args, _ = check({"podTemplate": given}, ENVIRON)

    assert json.dumps(args.pod_template) == json.dumps(given).replace(".0", "")


def container(name: str = "migrate", **fields: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": name, **fields}]}}


def extra(**fields: Any) -> dict[str, Any]:
    return {"spec": {"initContainers": [{"name": "mesh", "image": "mesh:1", **fields}]}}


def context(**fields: Any) -> list[dict[str, Any]]:
    """Return what says a field of a security context of a pod, a container and an added one."""
    return [
        {"spec": {"securityContext": fields}},
        container(securityContext=fields),
        extra(securityContext=fields),
    ]


ADDED = {"add": ["NET_ADMIN"], "drop": ["ALL"]}
REFUSED = {
    **{
        f"{where} {field}": (template, f"{field}: expected ")
        for field, value in {
            "runAsUser": 0,
            "runAsNonRoot": False,
            "readOnlyRootFilesystem": False,
            "privileged": True,
            "allowPrivilegeEscalation": True,
            "capabilities": ADDED,
            "seccompProfile": {"type": "Unconfined"},
            "sysctls": [{"name": "kernel.shm_rmid_forced"}],
        }.items()
        for where, template in zip(
            ("pod", "container", "added"), context(**{field: value}), strict=True
        )
    },
    "null for runAsNonRoot": (context(runAsNonRoot=None)[0], "runAsNonRoot: expected true"),
    "null for the context": ({"spec": {"securityContext": None}}, "spec.securityContext: expected"),
    **{
        f"{key}: {value}": ({"spec": {key: value}}, f"spec.{key}: expected nothing, since ")
        for key in KEPT
        for value in (None, True)
    },
    "hostPath": (
        {"spec": {"volumes": [{"name": "extra", "hostPath": {"path": "/"}}]}},
        "spec.volumes[extra].hostPath: expected another kind",
    ),
    **{
        f"volume {name}": (
            {"spec": {"volumes": [{"name": name, "emptyDir": {}}]}},
            f"spec.volumes[{name}]: expected another name",
        )
        for name in VOLUMES
    },
    **{
        f"mount of {name}": (
            extra(volumeMounts=[{"name": name, "mountPath": "/x"}]),
            f"spec.initContainers[mesh].volumeMounts[{name}]: expected another",
        )
        for name in VOLUMES
    },
    **{
        key: (
            container(**dict[str, Any]({key: ["x"]})),
            f"spec.containers[migrate].{key}: expected nothing",
        )
        for key in ("image", "command", "args", "volumeMounts", "envFrom", "lifecycle")
    },
    "null for env": (container(env=None), "spec.containers[migrate].env: expected a list"),
    "own variable": (
        container("*", env=[{"name": "ALLOW_DATA_LOSS", "value": "true"}]),
        "spec.containers[*].env[ALLOW_DATA_LOSS]: expected another name",
    ),
    "variable of libpq": (
        container(env=[{"name": "PGOPTIONS", "value": "-c x=y"}]),
        "spec.containers[migrate].env[PGOPTIONS]: expected another name",
    ),
    "number for a text": (
        container(env=[{"name": "N", "value": 1}]),
        "spec.containers[migrate].env[N].value: expected a text",
    ),
    "another container": (
        container("mesh", image="mesh:1"),
        "spec.containers[mesh]: expected one of vault-init",
    ),
    "no image": ({"spec": {"initContainers": [{"name": "mesh"}]}}, "[mesh].image: expected"),
    "hostPort": (extra(ports=[{"hostPort": 80}]), "spec.initContainers[mesh].ports: expected no"),
    **{
        f"label {key}": ({"metadata": {"labels": {key: value}}}, f"metadata.labels.{key}: expected")
        for key in LABELS
        for value in (None, "other")
    },
    **{
        f"annotation {key}": (
            {"metadata": {"annotations": {key: None}}},
            f"metadata.annotations.{key}: expected",
        )
        for key in ANNOTATIONS
    },
    "number in a label": ({"metadata": {"labels": {"a": 1}}}, "metadata.labels.a: expected a text"),
    "misspelt": (
        {"spec": {"toleration": []}},
        "spec.toleration: did you mean 'tolerations'",
    ),
    "not of a pod": ({"kind": "Pod"}, "kind: docs/pods.md says"),
    "directive": ({"spec": {"volumes": [], "$patch": "replace"}}, "spec.$patch: expected no"),
    "nested directive": (
        container(env=[{"name": "A", "$patch": "delete"}]),
        "spec.containers.0.env.0.$patch: expected no directive",
    ),
    "null for all": ({"spec": None}, "spec: expected an object, found null"),
    "null for containers": ({"spec": {"containers": None}}, "spec.containers: expected a list"),
    "no names": ({"spec": {"containers": ["migrate"]}}, "spec.containers[0]: expected an object"),
    "no object": ({"spec": {"affinity": "x"}}, "spec.affinity: expected an object"),
    "no list": ({"spec": {"tolerations": {}}}, "spec.tolerations: expected a list of objects"),
    "no objects": ({"spec": {"hostAliases": ["x"]}}, "spec.hostAliases: expected a list of"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_would_break_a_promise_is_refused_by_name(what: str) -> None:
    template, expected = REFUSED[what]

    (said,) = problems(template)

    assert expected in said


def test_all_problems_come_at_once_with_the_name_of_the_setting(configure) -> None:
    configure(environment="dev", podTemplate={"spec": {"hostPID": True, "hostIPC": True}})

    with pytest.raises(InputsError, match="have 2 problem") as refused:
        load_settings(ENVIRON)

    assert "- podTemplate: spec.hostIPC: expected nothing" in str(refused.value)
    assert "- podTemplate: spec.hostPID: expected nothing" in str(refused.value)


def test_no_value_of_a_variable_is_shown() -> None:
    name = {"name": "HTTPS_PROXY", "value": ["http://me:canary@proxy"]}

    assert "canary" not in str(problems(container(env=[name])))


def test_everything_that_clusters_ask_for_is_allowed() -> None:
    assert problems(EVERYTHING) == []


def variables() -> Iterator[str]:
    """Give the names that the scripts read from their environment."""
    for folder in ("components", "migrations"):
        for path in (REPOSITORY / folder).rglob("*.sh"):
            yield from re.findall(r"\$\{?([A-Z][A-Z0-9_]{2,})\b", path.read_text())


def test_no_variable_that_the_scripts_read_can_be_set(storage) -> None:  # noqa: F811
    pods = [*templates(storage(**CLAIM)).values(), *templates(storage(**BUCKET)).values()]
    set_here = {entry["name"] for pod in pods for each in own(pod) for entry in each["env"]}
    in_sql = {"INSERT", "SELECT"}

    free = {
        name
        for name in {*variables(), *set_here} - in_sql
        if name not in VARIABLES and not name.startswith(VARIABLE_PREFIXES)
    }

    assert free == set()


def test_the_names_are_those_of_the_pods(storage) -> None:  # noqa: F811
    pods = [*templates(storage(**CLAIM)).values(), *templates(storage(**BUCKET)).values()]
    specs = [pod["spec"] for pod in pods]
    names = {each["name"] for s in specs for each in s["initContainers"] + s["containers"]}

    assert names == {*CONTAINERS}
    assert {volume["name"] for spec in specs for volume in spec["volumes"]} == {*VOLUMES}
    assert {key for pod in pods for key in pod["metadata"]["labels"]} == {*LABELS}
    assert {key for pod in pods for key in pod["metadata"]["annotations"]} == {*ANNOTATIONS}


# original, patch and what Kubernetes makes of them; the integration test asks the API server too.
MERGES = {
    "objects by their keys": "{a: {b: 1, c: 2}} | {a: {c: 3, d: 4}} | {a: {b: 1, c: 3, d: 4}}",
    "null removes": "{a: {b: 1, c: 2}} | {a: {b: null, d: null}} | {a: {c: 2}}",
    "null of what is not there": "{} | {a: {b: null}} | {a: {}}",
    "a list with a name": (
        "{env: [{name: a, value: x}, {name: b, value: y}]}"
        " | {env: [{name: b, value: z}, {name: c, value: w}]}"
        " | {env: [{name: a, value: x}, {name: b, value: z}, {name: c, value: w}]}"
    ),
    "what is new comes first": (
        "{env: [{name: a}, {name: b}]} | {env: [{name: c}]}"
        " | {env: [{name: c}, {name: a}, {name: b}]}"
    ),
    "the order of the patch": (
        "{env: [{name: a}, {name: b}]} | {env: [{name: b}, {name: a}]}"
        " | {env: [{name: b}, {name: a}]}"
    ),
    "a list without one": "{args: [a, b]} | {args: [c]} | {args: [c]}",
    "aliases by ip": (
        "{hostAliases: [{ip: a, hostnames: [x]}]} | {hostAliases: [{ip: a, hostnames: [y]}]}"
        " | {hostAliases: [{ip: a, hostnames: [y]}]}"
    ),
}


@pytest.mark.parametrize("what", MERGES)
def test_the_merge_is_kubernetes_own(what: str) -> None:
    original, patch, merged = map(yaml.safe_load, MERGES[what].split(" | "))
    kept = json.dumps(original)

    assert strategic(original, patch) == merged
    assert json.dumps(original) == kept


PAGE = (REPOSITORY / "docs" / "pods.md").read_text()
EXAMPLES = dict(re.findall(r"^## ([^\n]*)\n(?:(?!^## ).)*?^```yaml\n(.*?)^```", PAGE, re.M | re.S))
PROXY = [
    {"name": "HTTPS_PROXY", "value": "http://proxy.example.com:3128"},
    {"name": "NO_PROXY", "value": ".svc,.cluster.local,10.0.0.0/8"},
]
# What each example gives the pod of the migration, and what it leaves there.
SHOWN: dict[str, Any] = {
    "Tainted nodes": lambda pod, _: (
        pod["nodeSelector"] == {"kubernetes.io/os": "linux", "pool": "checkpoints"}
        and pod["tolerations"][0]["key"] == "dedicated"
    ),
    "Required labels": lambda _, metadata: (
        metadata["labels"]["example.com/cost-centre"] == "4711"
        and metadata["labels"]["app.kubernetes.io/name"] == "agent-executor-migration"
        and metadata["annotations"]["example.com/owner"] == "graphs"
    ),
    "A pull secret": lambda pod, _: pod["imagePullSecrets"] == [{"name": "mirror"}],
    "A proxy": lambda pod, _: all(
        each["env"][:2] == PROXY and len(each["env"]) > 2
        for each in pod["initContainers"] + pod["containers"]
    ),
    "OpenShift": lambda pod, _: (
        pod["securityContext"]
        == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    ),
    "One container": lambda pod, _: (
        pod["containers"][0]["resources"]["limits"] == {"cpu": "1", "memory": "512Mi"}
        and pod["initContainers"][0]["resources"]["limits"]["memory"] == "256Mi"
    ),
    "A sidecar": lambda pod, _: (
        [each["name"] for each in pod["initContainers"]] == ["mesh", "vault-init"]
    ),
}


def test_each_example_of_the_page_is_looked_at() -> None:
    assert EXAMPLES.keys() == SHOWN.keys()
    assert PAGE.count("```yaml") == len(EXAMPLES)


@pytest.mark.parametrize("what", SHOWN)
def test_an_example_of_the_page_does_what_it_says(storage, what: str) -> None:  # noqa: F811
    config = yaml.safe_load(EXAMPLES[what])["config"]
    given = config.pop("langgraph-checkpoint:podTemplate")
    template = templates(storage(**DEV, podTemplate=given))["Job checkpoints-migration-job"]

    assert config == {}
    assert SHOWN[what](template["spec"], template["metadata"])


def test_the_page_names_the_containers() -> None:
    assert [name for name in CONTAINERS if f"`{name}`" not in PAGE] == []
