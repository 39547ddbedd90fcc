from collections.abc import Callable

from tests.integration.conftest import DEV
from tests.support.deployment import REPOSITORY, Deployment


def test_the_documented_policy_is_all_that_a_deployer_needs_in_vault(
    deploy: Callable[..., Deployment],
) -> None:
    names = {"vaultRole": "agent-executor", "vaultPolicy": "agent-executor"}
    mounts = {"vaultAuthMount": "kubernetes", "vaultKvMount": "kv"}
    deployment = deploy("permissions", **DEV, **names, **mounts)
    policy = str(REPOSITORY / "docs" / "deployer-policy.hcl")
    deployment.run("bao", "policy", "write", "deployer", policy).expect()
    token = deployment.run("bao", "token", "create", "-policy=deployer", "-field=token").expect()
    deployer = {"VAULT_TOKEN": token.text.strip()}

    deployment.up(**deployer).expect()
    deployment.up("--refresh", "--expect-no-changes", **deployer).expect()
    deployment.destroy(**deployer).expect()
