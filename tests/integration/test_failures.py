"""Whatever fails in or around a Job, `pulumi up` ends with the sentence of docs/failures.md.

The tests share an environment: each breaks one thing, and mends it again. The rest of the causes
is in tests/soak/test_failures.py.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from devstack.layout import load
from devstack.toolchain import OTHER_VAULT
from tests.integration.conftest import DEV
from tests.support.causes import CAUSES, NO_REVIEWER
from tests.support.deployment import Deployment
from tests.support.failures import compare, fail, steady
from tests.support.service_account_tokens import parts, signed, signing_key
from tests.support.vault_api import Answer, VaultApi, VaultProxy
from tests.support.vault_causes import VAULT_CAUSES
from tests.support.vault_init import VaultInit
from tools.failure_table import recordings

IN_VAULT_INIT = ("role missing",)
IN_THE_MIGRATION = ("database password", "database away")
GAVE_UP = 22
AS_VARIABLE = {"vaultAddressInCluster": "VAULT_ADDR", "vaultCaCertFile": "VAULT_CACERT"}
# Moving an auth mount away and back takes Vault 20 seconds.
SLOW = {"auth mount missing"}
# Vault's own agent reads what OpenBao's refuses.
NO_FAILURE = {"secret to be deleted"} if OTHER_VAULT in os.environ else set[str]()
QUICK = [*(cause for cause in VAULT_CAUSES if cause not in SLOW | NO_FAILURE), NO_REVIEWER]
# The agent of Vault 1.15 does so with a token without the policy that lets it be renewed.
USED_UP = ", or its token was used up or revoked meanwhile"
TEN_MINUTES, TOKEN_SECONDS = 600, 3600
NEVER_STARTED = ("image of vault-init", "quota", "no node")


@pytest.fixture(scope="module")
def dev(deploy: Callable[..., Deployment]) -> Deployment:
    deployment = deploy("failures", **DEV, vaultRole="agent-executor")
    deployment.up().expect()
    return deployment


@pytest.fixture
def vault_init(dev: Deployment, tmp_path: Path) -> VaultInit:
    return VaultInit(dev, tmp_path)


@pytest.mark.parametrize("cause", QUICK)
def test_vault_init_says_what_is_wrong(dev: Deployment, vault_init: VaultInit, cause: str) -> None:
    expected, token = recordings()[cause], vault_init.token()
    environ = {"DEADLINE_SECONDS": "1" if expected["exit"] == GAVE_UP else "10"}
    with CAUSES[cause](dev) as settings:
        environ |= {AS_VARIABLE[key]: value for key, value in settings.items()}
        done = vault_init.run(token, **environ)

    assert done.returncode == expected["exit"], done.stdout
    assert steady(vault_init.sentence()).removesuffix(USED_UP) == expected["sentence"]
    assert vault_init.left() == set()
    cured = vault_init.run(token, DEADLINE_SECONDS="10")
    assert cured.returncode == 0, cured.stdout


def test_a_token_that_died_after_the_login_is_followed_by_one_more_login(
    vault_init: VaultInit,
) -> None:
    vault, revoked = VaultApi(vault_init.dev), []

    def revoke_first(path: str, answer: Answer) -> Answer:
        if path.endswith("/login") and not revoked:
            revoked.append(answer[1]["auth"]["client_token"])
            vault.request(
                "POST", "auth/token/revoke", body=json.dumps({"token": revoked[0]}).encode()
            )
        return answer

    with VaultProxy(vault_init.dev, revoke_first) as proxy:
        done = vault_init.run(vault_init.token(), VAULT_ADDR=proxy.address)

    assert done.returncode == 0, done.stdout
    assert len(proxy.logins) == 2


def shifted(vault_init: VaultInit, seconds: int) -> str:
    """Return a good token as it looks to a Vault whose clock is off by so many seconds."""
    header, claims = parts(vault_init.token())
    times = {claim: claims[claim] - seconds for claim in ("iat", "nbf", "exp")}
    key = signing_key(load(vault_init.dev.environ["DEVSTACK_NAME"]).pki)
    return signed(header, claims | times, key)


def test_a_clock_that_is_off_is_said_at_once(vault_init: VaultInit) -> None:
    ahead = vault_init.run(shifted(vault_init, TEN_MINUTES + TOKEN_SECONDS))
    compare("clock ahead", {"exit": ahead.returncode, "sentence": steady(vault_init.sentence())})
    behind = vault_init.run(shifted(vault_init, -TEN_MINUTES))
    compare("clock behind", {"exit": behind.returncode, "sentence": steady(vault_init.sentence())})

    for done in (ahead, behind):
        assert done.stdout.count("==> vault-init: ") == 2, "a login and the sentence"
        assert "clocks" in vault_init.sentence()
    assert vault_init.run(vault_init.token()).returncode == 0


@pytest.mark.parametrize("cause", IN_VAULT_INIT)
def test_what_fails_in_an_init_container_ends_up(dev: Deployment, cause: str) -> None:
    fail(dev, cause)


@pytest.mark.parametrize("cause", IN_THE_MIGRATION)
def test_what_fails_in_the_migration_ends_up(dev: Deployment, cause: str) -> None:
    fail(dev, cause)


@pytest.mark.parametrize("cause", NEVER_STARTED)
def test_a_pod_that_never_starts_ends_up(dev: Deployment, cause: str) -> None:
    fail(dev, cause)
