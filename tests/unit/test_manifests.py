import copy

import pytest

from components.clients.cluster import Cluster
from components.jobs.pod import CHECK_FILES, USER_ID
from components.jobs.template import JobTemplate
from tests.support.pod_mutations import NOT_ADMITTED, OUR_OWN

TEMPLATE = JobTemplate(
    cluster=Cluster(kubeconfig="", context=""),
    environment="dev",
    namespace="ns",
    name="agent",
    service_account="agent",
    vault_image="vault:1",
    postgres_image="postgres:1",
    vault_environment={"VAULT_ADDR": "https://v"},
    database_environment={"SCHEMA": "public"},
    audience="vault",
    files_sha256="0" * 64 + "  a.sql",
    backoff_limit=3,
    ttl_seconds=60,
    start_seconds=45,
    timeout_seconds=600,
)
JOB = TEMPLATE.job("migration", "001", "migrate", ["/migrations/migrate.sh"], config_map="files")
POD = JOB["spec"]["template"]["spec"]
CONTAINERS = [*POD["initContainers"], *POD["containers"]]


STRICT_POD = {
    "runAsNonRoot": True,
    "runAsUser": USER_ID,
    "runAsGroup": USER_ID,
    "fsGroup": USER_ID,
    "seccompProfile": {"type": "RuntimeDefault"},
}
STRICT_CONTAINER = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def violations(pod) -> list[str]:
    """Return in what a pod is less confined than restricted Pod Security and we ask for."""
    found = [key for key in ("hostNetwork", "hostPID", "hostIPC") if key in pod]
    if pod.get("automountServiceAccountToken") is not False:
        found.append("automountServiceAccountToken")
    if pod["securityContext"] != STRICT_POD:
        found.append("securityContext")
    for volume in pod["volumes"]:
        found += volume.keys() - {"name", "emptyDir", "configMap", "projected"}
    for container in [*pod["initContainers"], *pod["containers"]]:
        if container["securityContext"] != STRICT_CONTAINER:
            found.append(f"securityContext of {container['name']}")
        if container.get("resources", {}).keys() != {"requests", "limits"}:
            found.append(f"resources of {container['name']}")
        mounts = {mount["name"] for mount in container["volumeMounts"]}
        if "token" in mounts and container["name"] != "vault-init":
            found.append(f"token in {container['name']}")
    return found


def test_the_jobs_pods_are_confined() -> None:
    assert violations(POD) == []


@pytest.mark.parametrize("mutation", NOT_ADMITTED | OUR_OWN)
def test_a_pod_that_is_less_confined_does_not_pass(mutation: str) -> None:
    pod = copy.deepcopy(POD)

    (NOT_ADMITTED | OUR_OWN)[mutation](pod)

    assert violations(pod) != []


def test_each_container_checks_the_files_before_anything_else() -> None:
    for container in CONTAINERS:
        environment = {entry["name"]: entry["value"] for entry in container["env"]}

        assert container["command"] == [
            "sh",
            "-c",
            CHECK_FILES.replace("$", "$$"),
            "check-files.sh",
        ]
        assert container["args"][0] == "sh"
        assert environment["FILES_SHA256"] == TEMPLATE.files_sha256
        assert environment["FILES_DIR"] == "/migrations"


def test_kubernetes_expands_no_variable_in_a_value() -> None:
    template = JobTemplate(
        **{
            **TEMPLATE.__dict__,
            "database_environment": {"OWNER_ROLE": "x", "SCHEMA": "$(OWNER_ROLE)$$"},
        }
    )
    job = template.job("migration", "001", "migrate", ["sh"], config_map="files")
    (main,) = job["spec"]["template"]["spec"]["containers"]

    assert {"name": "SCHEMA", "value": "$$(OWNER_ROLE)$$$$"} in main["env"]


def test_no_service_selects_the_pods_and_no_mesh_enters_them() -> None:
    metadata = JOB["spec"]["template"]["metadata"]
    labels = metadata["labels"]

    assert labels["app.kubernetes.io/name"] == "agent-migration"
    assert not {"app", "app.kubernetes.io/instance", "app.kubernetes.io/component"} & labels.keys()
    assert labels["sidecar.istio.io/inject"] == "false"
    assert metadata["annotations"]["linkerd.io/inject"] == "disabled"


def test_the_vault_token_is_mounted_in_vault_init_only() -> None:
    mounts = {c["name"]: {m["name"] for m in c["volumeMounts"]} for c in CONTAINERS}

    assert POD["automountServiceAccountToken"] is False
    assert mounts == {
        "vault-init": {"files", "credentials", "token"},
        "migrate": {"files", "credentials", "tmp"},
    }


def test_the_credential_lives_in_memory_and_the_main_container_only_reads_it() -> None:
    volumes = {volume["name"]: volume for volume in POD["volumes"]}
    mount = next(m for m in POD["containers"][0]["volumeMounts"] if m["name"] == "credentials")

    assert volumes["credentials"]["emptyDir"] == {"medium": "Memory", "sizeLimit": "1Mi"}
    assert mount == {"name": "credentials", "mountPath": "/vault/secrets", "readOnly": True}


def test_the_projected_token_carries_the_audience() -> None:
    source = next(v for v in POD["volumes"] if v["name"] == "token")["projected"]["sources"][0]

    assert source["serviceAccountToken"]["audience"] == "vault"
    assert source["serviceAccountToken"]["expirationSeconds"] == 600


@pytest.mark.parametrize("seconds", [30, 60, 600, 7200])
def test_containers_give_up_before_the_job_and_the_job_before_pulumi(seconds) -> None:
    template = JobTemplate(**{**TEMPLATE.__dict__, "timeout_seconds": seconds})

    assert template.vault_seconds >= 10
    assert template.database_seconds >= 10
    assert template.vault_seconds + template.database_seconds < seconds < template.await_seconds


def test_a_failed_job_runs_again_on_the_next_up() -> None:
    assert JOB["metadata"]["annotations"]["pulumi.com/replaceUnready"] == "true"
