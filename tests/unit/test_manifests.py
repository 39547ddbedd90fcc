import pytest

from components.manifests import Cluster, JobTemplate

TEMPLATE = JobTemplate(
    cluster=Cluster(kubeconfig="", context=""),
    namespace="ns",
    name="agent",
    service_account="agent",
    vault_image="vault:1",
    postgres_image="postgres:1",
    vault_environment={"VAULT_ADDR": "https://v"},
    database_environment={"SCHEMA": "public"},
    audience="vault",
    backoff_limit=3,
    ttl_seconds=60,
    timeout_seconds=600,
)
JOB = TEMPLATE.job("migration", "001", "migrate", ["/migrations/migrate.sh"], config_map="files")
POD = JOB["spec"]["template"]["spec"]
CONTAINERS = [*POD["initContainers"], *POD["containers"]]


@pytest.mark.parametrize("container", CONTAINERS, ids=lambda c: c["name"])
def test_s7_containers_meet_restricted_pod_security(container) -> None:
    context = container["securityContext"]

    assert context["allowPrivilegeEscalation"] is False
    assert context["readOnlyRootFilesystem"] is True
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert POD["securityContext"]["runAsUser"] > 0
    assert POD["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["resources"].keys() == {"requests", "limits"}


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
    assert JOB["metadata"]["annotations"] == {"pulumi.com/replaceUnready": "true"}
