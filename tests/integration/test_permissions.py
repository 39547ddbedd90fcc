"""A deployer with the documented rights, and no others, takes dev through its life."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.integration.conftest import DEV
from tests.support.deployment import REPOSITORY, Deployment
from tests.support.documents import commands, follow

NAME = "deployer"
PAGE = "docs/operations.md"
CRD = Path(__file__).with_name("prometheusrule-crd.yaml")
DEFAULTS = {
    "namespace": "bizmatters",
    "vaultAuthMount": "kubernetes",
    "vaultKvMount": "kv",
    "vaultRole": "agent-executor",
    "vaultPolicy": "agent-executor",
    "databaseName": "langgraph",
}
DAY_TWO = {
    "backupSchedule": "30 2 * * *",
    "backupBucket": "dumps",
    "restoreDrillSchedule": "0 4 * * 0",
    "retentionSchedule": "30 3 * * *",
    "retentionKeepLatestAfterDays": 30,
    "monitoring": True,
    "monitoringPrometheusRule": True,
}


def vault_token(deployment: Deployment) -> str:
    policy = str(REPOSITORY / "docs" / "deployer-policy.hcl")
    deployment.run("bao", "policy", "write", NAME, policy).expect()
    token = deployment.run("bao", "token", "create", f"-policy={NAME}", "-field=token").expect()
    return token.text.strip()


def kubeconfig(deployment: Deployment) -> str:
    """Return a file that logs in as a ServiceAccount with the documented role alone."""

    def kubectl(*arguments: str) -> str:
        return deployment.run("kubectl", "-n", "default", *arguments).expect().text.strip()

    kubectl("apply", "-f", str(REPOSITORY / "docs" / "deployer-role.yaml"))
    kubectl("create", "serviceaccount", NAME)
    role = "--clusterrole=langgraph-checkpoint-deployer"
    kubectl("create", "clusterrolebinding", NAME, role, f"--serviceaccount=default:{NAME}")
    config = yaml.safe_load(Path(deployment.environ["KUBECONFIG"]).read_text())
    for user in config["users"]:
        user["user"] = {"token": kubectl("create", "token", NAME)}
    path = deployment.folder / "deployer.yaml"
    path.write_text(yaml.safe_dump(config))
    return str(path)


@pytest.fixture(scope="module")
def deployment(deploy: Callable[..., Deployment]) -> Deployment:
    """Return the environment of `make demo`, with its own names."""
    made = deploy("dev", **DEV, **DEFAULTS)
    (made.folder / "devstack").symlink_to(REPOSITORY / "devstack")
    return made


@pytest.fixture(scope="module")
def deployer(deployment: Deployment) -> dict[str, str]:
    """Return what the deployer logs in with."""
    return deployment.deployer | {
        "VAULT_TOKEN": vault_token(deployment),
        "KUBECONFIG": kubeconfig(deployment),
    }


def test_the_documented_rights_are_all_that_a_deployer_needs(
    deployment: Deployment, deployer: dict[str, str]
) -> None:
    deployment.up(**deployer).expect()
    deployment.up("--refresh", "--expect-no-changes", **deployer).expect()


def test_the_tools_by_hand_find_what_the_readme_says(deployment: Deployment) -> None:
    deployment.up().expect()

    assert "41 unchanged" in follow(deployment, "README.md", "by hand").expect().text


def test_the_page_for_those_on_call_knows_the_names_of_the_demo(deployment: Deployment) -> None:
    steps = [
        commands(PAGE, "demo"),
        commands(PAGE, "look"),
        commands(PAGE, "rotate"),
        commands("migrations/DEPLOYMENT_GUIDE.md", "vault"),
    ]

    said = deployment.run("sh", "-e", "-u", "-c", "\n".join(steps)).expect().text

    assert "schema public at version 9" in said
    assert "bound_service_account_names" in said


@pytest.fixture
def prometheus_rules(deployment: Deployment) -> Iterator[None]:
    """Have the cluster know PrometheusRules."""
    deployment.run("kubectl", "apply", "-f", str(CRD)).expect()
    crd = "crd/prometheusrules.monitoring.coreos.com"
    deployment.run("kubectl", "wait", "--for=condition=Established", crd).expect()
    yield
    deployment.run("kubectl", "delete", "-f", str(CRD)).expect()


@pytest.mark.usefixtures("prometheus_rules")
def test_the_documented_rights_will_do_for_day_two_and_the_rollback(
    deployment: Deployment, deployer: dict[str, str]
) -> None:
    deployment.configure(**DAY_TWO, timeoutSeconds=599)

    deployment.up(**deployer).expect()
    follow(deployment, "README.md", "rollback", **deployer).expect()
