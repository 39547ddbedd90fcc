"""Whatever is not the one ServiceAccount's own token for Vault opens nothing."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.deployment import Deployment
from tests.support.pods import Pods
from tests.support.service_account_tokens import (
    new_key,
    parts,
    signed,
    signing_key,
    unsigned,
    with_claims,
)
from tests.support.vault_api import VaultApi

ACCOUNT = "agent-executor"
# No token, refused, too large; Vault calls what is longer than its JSON may be an error of its own.
REFUSED = (400, 403, 413, 500)


def token(pods: Pods, *arguments: str, account: str = ACCOUNT, namespace: str = "") -> str:
    """Return a token from the API server itself."""
    command = ("create", "token", account, *arguments, "-n", namespace or pods.namespace)
    return pods.kubectl(*command).expect().text.strip()


@pytest.fixture(scope="module")
def good(pods: Pods) -> str:
    return token(pods, "--audience=vault")


@pytest.fixture(scope="module")
def bad(pods: Pods, dev: Deployment, good: str) -> Iterator[dict[str, str]]:
    """Return every wrong token by what is wrong with it."""
    other = f"{pods.namespace}-other"
    pods.kubectl("create", "namespace", other).expect()
    pods.kubectl("create", "serviceaccount", ACCOUNT, "-n", other).expect()
    header, claims = parts(good)
    ours, now = signing_key(Path(dev.environ["VAULT_CACERT"]).parent), int(time.time())
    past = {"iat": now - 700, "nbf": now - 700, "exp": now - 100}
    yield {
        "another ServiceAccount": token(pods, "--audience=vault", account="default"),
        "the same name elsewhere": token(pods, "--audience=vault", namespace=other),
        "another audience": token(pods, "--audience=another"),
        "the API server's audience": token(pods),
        "no audience": signed(header, {k: v for k, v in claims.items() if k != "aud"}, ours),
        "expired": signed(header, claims | past, ours),
        "not yet valid": signed(header, claims | {"nbf": now + 300, "exp": now + 900}, ours),
        "another cluster's signer": signed(header, claims, new_key()),
        "a tampered payload": with_claims(token(pods, "--audience=another"), aud=["vault"]),
        "no signature": unsigned(good),
        "nothing": "",
        "no token": "not.a.token",
        "a megabyte": good + "x" * 2**20,
    }
    pods.kubectl("delete", "namespace", other, "--wait=false").expect()


def test_every_wrong_token_is_refused_and_none_is_issued_for_it(
    vault: VaultApi, good: str, bad: dict[str, str]
) -> None:
    before = vault.accessors()

    status = {what: vault.login(jwt)[0] for what, jwt in bad.items()}

    assert {what: code for what, code in status.items() if code not in REFUSED} == {}
    assert vault.accessors() == before
    assert vault.login(good)[0] == 200
    assert len(vault.accessors()) == len(before) + 1


def test_a_right_token_forged_with_the_right_key_shows_that_the_forgeries_were_well_made(
    vault: VaultApi, dev: Deployment, good: str
) -> None:
    header, claims = parts(good)

    forged = signed(header, claims, signing_key(Path(dev.environ["VAULT_CACERT"]).parent))

    assert vault.login(forged)[0] == 200


def test_a_token_dies_with_the_pod_that_it_is_bound_to(vault: VaultApi, pods: Pods) -> None:
    pod = pods.pod("waiting")
    # Never scheduled: a token may be bound to it all the same.
    pod["spec"]["schedulingGates"] = [{"name": "tests/never"}]
    pods.create(pod).expect()
    # Two, since the API server remembers for ten seconds that a token was good.
    used, unused = (
        token(pods, "--audience=vault", "--bound-object-kind=Pod", "--bound-object-name=waiting")
        for _ in range(2)
    )

    while_it_lives = vault.login(used)[0]
    pods.kubectl("delete", "pod", "waiting", "--now").expect()

    assert while_it_lives == 200
    assert vault.login(unused)[0] == 403


def test_a_good_token_opens_from_anywhere_unless_addresses_are_bound(
    vault: VaultApi, dev: Deployment, good: str
) -> None:
    role = f"auth/{dev.settings['vaultAuthMount']}/role/{dev.settings['vaultRole']}"
    replayed = vault.login(good)[0]
    dev.run("bao", "write", role, "token_bound_cidrs=192.0.2.0/24").expect()
    before = vault.accessors()
    from_elsewhere = vault.login(good)[0]
    after = vault.accessors()
    dev.run("bao", "write", role, "token_bound_cidrs=").expect()

    assert (replayed, from_elsewhere, vault.login(good)[0]) == (200, 403, 200)
    assert after == before


def test_a_recreated_service_account_does_not_inherit_the_tokens(
    vault: VaultApi, pods: Pods
) -> None:
    account = pods.get("serviceaccount", ACCOUNT)
    for key in ("uid", "resourceVersion", "creationTimestamp"):
        del account["metadata"][key]
    while_it_is_gone, afterwards = (token(pods, "--audience=vault") for _ in range(2))

    pods.kubectl("delete", "serviceaccount", ACCOUNT).expect()
    gone = vault.login(while_it_is_gone)[0]
    pods.create(account).expect()
    status, answer = vault.login(token(pods, "--audience=vault"))

    assert (gone, vault.login(afterwards)[0], status) == (403, 403, 200)
    # The name alone would let the next account of that name pass for this one.
    uid = pods.get("serviceaccount", ACCOUNT)["metadata"]["uid"]
    assert answer["auth"]["metadata"]["service_account_uid"] == uid
