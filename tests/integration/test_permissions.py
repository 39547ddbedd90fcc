"""A deployer with the documented rights, and no others, takes an environment through its life."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.integration.conftest import DEV
from tests.support.database import connect
from tests.support.deployment import REPOSITORY, Deployment

NAME = "deployer"


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


@pytest.fixture
def deployment(deploy: Callable[..., Deployment]) -> Deployment:
    names = {"vaultRole": "agent-executor", "vaultPolicy": "agent-executor"}
    mounts = {"vaultAuthMount": "kubernetes", "vaultKvMount": "kv"}
    return deploy("permissions", **DEV, **names, **mounts)


def test_the_documented_rights_are_all_that_a_deployer_needs(deployment: Deployment) -> None:
    with connect(deployment, "postgres") as admin:
        admin.execute(f"CREATE ROLE {NAME} LOGIN CREATEDB CREATEROLE PASSWORD '{NAME}'".encode())
    deployer = {
        "VAULT_TOKEN": vault_token(deployment),
        "KUBECONFIG": kubeconfig(deployment),
        "PGUSER": NAME,
        "PGPASSWORD": NAME,
    }

    deployment.up(**deployer).expect()
    deployment.up("--refresh", "--expect-no-changes", **deployer).expect()
    deployment.configure(allowDataLoss=True, timeoutSeconds=599)
    deployment.up(**deployer).expect()
    deployment.destroy(**deployer).expect()
