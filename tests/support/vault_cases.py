"""What vault-init meets on a Vault server, one case each: the rows of docs/vaults.md.

A case breaks something for a while and gives the variables that vault-init is to start with.
"""

import json
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from threading import Event
from typing import Any

import trustme

from tests.support.fake_vault import FakeVault
from tests.support.ports import free_port
from tests.support.token_reviews import ACCOUNT, LIFETIME
from tests.support.vault_api import Answer, VaultProxy
from tests.support.vault_causes import PAGE, answering, certified
from tests.support.vault_server import (
    SECRET,
    SECRET_PATH,
    VaultServer,
    policy,
    service_account_token,
)

Variables = dict[str, str]
Setting = Callable[[VaultServer], AbstractContextManager[Variables]]
Change = Callable[[VaultServer, str, Answer], Answer]
DATA, METADATA = f"kv/data/{SECRET_PATH}", f"kv/metadata/{SECRET_PATH}"
AS_VARIABLE = {"vaultAddressInCluster": "VAULT_ADDR", "vaultCaCertFile": "VAULT_CACERT"}
TOO_LONG_SECONDS = 6
FIELDS = tuple(SECRET)
NOT_TEXT: dict[str, Any] = {"null": None, "true": True, "an object": {"a": "b"}, "a list": ["h"]}
BAD_TEXT = {
    "a line break": ("host", "h\nsslmode=disable"),
    "a NUL": ("password", "p\0"),
    "a control character": ("username", "u\x1b[2J"),
    "white space at its end": ("database", "d "),
    "nothing": ("username", ""),
}


@dataclass(frozen=True)
class Case:
    """What is wrong, the pod's token, and whether vault-init waits for it to pass."""

    setting: Setting
    token: Callable[[], str] = service_account_token
    passes: bool = False


@contextmanager
def nothing(_: VaultServer) -> Iterator[Variables]:
    """Break nothing."""
    yield {}


def variables(**values: str) -> Setting:
    """Start vault-init with other variables."""

    @contextmanager
    def setting(_: VaultServer) -> Iterator[Variables]:
        yield values

    return setting


def role(**changes: Any) -> Setting:
    """Change the role."""

    @contextmanager
    def setting(server: VaultServer) -> Iterator[Variables]:
        server.write_role(**changes)
        try:
            yield {}
        finally:
            server.write_role()

    return setting


@contextmanager
def no_role(server: VaultServer) -> Iterator[Variables]:
    """Take the role away."""
    server.ask("DELETE", f"auth/kubernetes/role/{ACCOUNT}")
    try:
        yield {}
    finally:
        server.write_role()


def settings(**changes: str) -> Setting:
    """Name other mounts; the policy is made for them."""

    @contextmanager
    def setting(server: VaultServer) -> Iterator[Variables]:
        before = {**server.settings}
        server.settings |= changes
        server.write_policy(policy(server.settings["vaultKvMount"]))
        try:
            yield {}
        finally:
            server.settings = before
            server.write_policy(policy("kv"))

    return setting


def rules(text: str) -> Setting:
    """Give the role's policy another text."""

    @contextmanager
    def setting(server: VaultServer) -> Iterator[Variables]:
        server.write_policy(text)
        try:
            yield {}
        finally:
            server.write_policy(policy("kv"))

    return setting


def secret(change: Callable[[VaultServer], object]) -> Setting:
    """Do something to the secret."""

    @contextmanager
    def setting(server: VaultServer) -> Iterator[Variables]:
        change(server)
        try:
            yield {}
        finally:
            server.ask("DELETE", METADATA)
            server.put(SECRET)

    return setting


def fields(values: dict[str, Any]) -> Setting:
    """Write another version."""
    return secret(lambda server: server.put(values))


def _destroy(server: VaultServer) -> None:
    version = server.ask("GET", METADATA)["data"]["current_version"]
    server.ask("POST", f"kv/destroy/{SECRET_PATH}", versions=[version])


def _plan_deletion(server: VaultServer) -> None:
    server.ask("POST", METADATA, delete_version_after="24h")
    server.put(SECRET)


def version_1(values: dict[str, str] | None) -> Setting:
    """Mount KV version 1 where the settings say, with or without the secret."""

    @contextmanager
    def setting(server: VaultServer) -> Iterator[Variables]:
        server.ask("POST", "sys/mounts/older", type="kv")
        if values:
            server.ask("POST", f"older/data/{SECRET_PATH}", **values)
        try:
            with settings(vaultKvMount="older")(server) as own:
                yield own
        finally:
            server.ask("DELETE", "sys/mounts/older")

    return setting


def quota(path: str) -> Setting:
    """Reach a rate limit."""

    @contextmanager
    def setting(server: VaultServer) -> Iterator[Variables]:
        server.ask("POST", "sys/quotas/rate-limit/t", path=path, rate=1, interval=60)
        try:
            server.api.request("GET", path, token="none")
            yield {}
        finally:
            server.ask("DELETE", "sys/quotas/rate-limit/t")

    return setting


@contextmanager
def sealed(server: VaultServer) -> Iterator[Variables]:
    """Seal it."""
    server.ask("PUT", "sys/seal")
    try:
        yield {}
    finally:
        server.unseal()


@contextmanager
def no_right_to_review(server: VaultServer) -> Iterator[Variables]:
    """Refuse Vault's own request to the API server."""
    server.reviews.allowed = False
    try:
        yield {}
    finally:
        server.reviews.allowed = True


def api_server(**changes: str) -> Setting:
    """Let Vault look for the API server elsewhere, or trust another CA."""

    @contextmanager
    def setting(server: VaultServer) -> Iterator[Variables]:
        server.write_auth(**changes)
        try:
            yield {}
        finally:
            server.write_auth()

    return setting


def through(change: Change) -> Setting:
    """Put a proxy before Vault that may change its answers."""

    @contextmanager
    def setting(server: VaultServer) -> Iterator[Variables]:
        with VaultProxy(server, partial(change, server)) as proxy:
            yield {"VAULT_ADDR": proxy.address, "BAO_ADDR": proxy.address}

    return setting


def late(part: str, seconds: float) -> Change:
    """Answer requests whose path holds `part` so much later."""

    def change(_: VaultServer, path: str, answer: Answer) -> Answer:
        if part in path:
            Event().wait(seconds)
        return answer

    return change


def instead(part: str, status: int, *errors: str) -> Change:
    """Answer requests whose path holds `part` with errors."""

    def change(_: VaultServer, path: str, answer: Answer) -> Answer:
        return (status, {"errors": [*errors]}) if part in path else answer

    return change


def revoked(*, once: bool) -> Change:
    """Revoke tokens as they are given: the first, or every one."""
    seen: list[str] = []

    def change(server: VaultServer, path: str, answer: Answer) -> Answer:
        if path.endswith("/login") and not (once and seen):
            seen.append(answer[1]["auth"]["client_token"])
            server.ask("POST", "auth/token/revoke", token=seen[-1])
        return answer

    return change


def _as_variables(cause: Callable[[Any], AbstractContextManager[dict[str, Any]]]) -> Setting:
    """Take over what is wrong with a server that stands in Vault's place."""

    @contextmanager
    def setting(server: VaultServer) -> Iterator[Variables]:
        with cause(server) as changed:
            own = {AS_VARIABLE[key]: value for key, value in changed.items()}
            yield own | {"BAO_ADDR": own["VAULT_ADDR"]}

    return setting


def impostor(status: int, body: str) -> Setting:
    """Let something else answer in Vault's place."""
    return _as_variables(answering(status, body))


def errors(status: int, *texts: str) -> Setting:
    """Let a Vault answer that is not itself well."""
    return impostor(status, json.dumps({"errors": texts}))


@contextmanager
def mute(_: VaultServer) -> Iterator[Variables]:
    """Accept connections and say nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"https://127.0.0.1:{listener.getsockname()[1]}"
        yield {"VAULT_ADDR": address, "BAO_ADDR": address}


@contextmanager
def without_tls(server: VaultServer) -> Iterator[Variables]:
    """Speak to Vault's port without TLS."""
    address = server.environ["VAULT_ADDR"].replace("https:", "http:")
    yield {"VAULT_ADDR": address, "BAO_ADDR": address}


@contextmanager
def of_another_name(server: VaultServer) -> Iterator[Variables]:
    """Present a trusted certificate of another host."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("vault.example.org").configure_cert(context)
    pem = server.folder / "another.pem"
    authority.cert_pem.write_to_path(pem)
    with FakeVault("127.0.0.1", context) as fake:
        yield {"VAULT_ADDR": fake.url, "BAO_ADDR": fake.url, "VAULT_CACERT": str(pem)}


def _address(address: str) -> Setting:
    return variables(VAULT_ADDR=address, BAO_ADDR=address)


ANOTHER_CA = trustme.CA().cert_pem.bytes().decode()
OLD_TOKEN = partial(service_account_token, issued=-2 * LIFETIME)
NEW_TOKEN = partial(service_account_token, issued=LIFETIME)

CASES: dict[str, Case] = {
    "nothing": Case(nothing),
    "a password with a backslash and a colon": Case(fields(SECRET | {"password": "a\\b:c"})),
    "numbers": Case(fields({**SECRET, "port": 5432, "password": 12345})),
    "every answer takes 0.2 s": Case(through(late("", 0.2))),
    "a read takes 0.2 s": Case(through(late("/data/", 0.2))),
    "a read takes 1 s": Case(through(late("/data/", 1))),
    "a login takes 1 s": Case(through(late("/login", 1))),
    "a renewal takes 1 s": Case(through(late("/renew-self", 1))),
    "the first token is revoked": Case(through(revoked(once=True))),
    "every token is revoked": Case(through(revoked(once=False))),
    "a token of one use": Case(role(token_num_uses=1)),
    "no token in the pod": Case(nothing, token=str),
    "the role is missing": Case(no_role),
    "the role is for another namespace": Case(role(bound_service_account_namespaces=["other"])),
    "the role is for another account": Case(role(bound_service_account_names=["other"])),
    "the role is for another audience": Case(role(audience="another")),
    "the token is for another audience": Case(
        nothing, token=partial(service_account_token, audience="another")
    ),
    "the token is another account's": Case(
        nothing, token=partial(service_account_token, account="agent-executor-app")
    ),
    "the token has expired": Case(nothing, token=OLD_TOKEN),
    "the token is not valid yet": Case(nothing, token=NEW_TOKEN),
    "the token is no token": Case(nothing, token=lambda: "no-token"),
    "the auth mount is missing": Case(settings(vaultAuthMount="elsewhere")),
    "the reviewer has no right": Case(no_right_to_review),
    "the API server is away": Case(api_server(kubernetes_host=f"https://127.0.0.1:{free_port()}")),
    "the API server has another CA": Case(api_server(kubernetes_ca_cert=ANOTHER_CA)),
    "the namespace is missing": Case(variables(VAULT_NAMESPACE="nowhere")),
    "the role has no policy": Case(role(token_policies=[])),
    "the policy is for another path": Case(rules(policy("kv").replace("postgres", "other"))),
    "the policy denies": Case(rules(policy("kv").replace('"read"', '"deny"'))),
    "the mount is missing": Case(settings(vaultKvMount="nowhere")),
    "the mount is KV version 1": Case(version_1(SECRET)),
    "the mount is KV version 1 without it": Case(version_1(None)),
    "the secret is missing": Case(secret(lambda server: server.ask("DELETE", METADATA))),
    "the secret is deleted": Case(secret(lambda server: server.ask("DELETE", DATA))),
    "the secret is destroyed": Case(secret(_destroy)),
    "the secret's deletion is planned": Case(secret(_plan_deletion)),
    "the secret has no field": Case(fields({})),
    **{
        f"no field {name}": Case(fields({key: SECRET[key] for key in FIELDS if key != name}))
        for name in FIELDS
    },
    **{
        f"{name} is {kind}": Case(fields(SECRET | {name: value}))
        for name in ("host", "password")
        for kind, value in NOT_TEXT.items()
    },
    **{
        f"{name} holds {what}": Case(fields(SECRET | {name: value}))
        for what, (name, value) in BAD_TEXT.items()
    },
    "a rate limit at the login": Case(quota("auth/kubernetes/login"), passes=True),
    "a rate limit at the read": Case(quota("kv/"), passes=True),
    "Vault is sealed": Case(sealed, passes=True),
    "nobody listens": Case(_address(f"https://127.0.0.1:{free_port()}"), passes=True),
    "the host has no address": Case(_address("https://vault.invalid:8200"), passes=True),
    "nobody answers": Case(mute, passes=True),
    "http in place of https": Case(without_tls),
    "the certificate is of another CA": Case(_as_variables(certified(trusted=False))),
    "the certificate has expired": Case(
        _as_variables(certified(datetime(2001, 1, 1), trusted=True))
    ),
    "the certificate is of another host": Case(of_another_name),
    "a login takes too long": Case(through(late("/login", TOO_LONG_SECONDS)), passes=True),
    "a read takes too long": Case(through(late("/data/", TOO_LONG_SECONDS)), passes=True),
    "a read answers 500": Case(through(instead("/data/", 500, "internal error")), passes=True),
    "a read answers 503": Case(through(instead("/data/", 503, "Vault is sealed")), passes=True),
    "a page in place of Vault": Case(impostor(200, PAGE), passes=True),
    "a page with 403": Case(impostor(403, PAGE)),
    "a page with 404": Case(impostor(404, PAGE)),
    "a page with 502": Case(impostor(502, PAGE), passes=True),
    "an empty answer": Case(impostor(200, ""), passes=True),
    "an answer without a token": Case(impostor(200, "{}"), passes=True),
    **{
        f"Vault answers {status}": Case(errors(status, text), passes=True)
        for status, text in {
            412: "required index state not present",
            429: "rate limit quota exceeded",
            472: "",
            473: "",
            500: "internal error",
            503: "node is not active",
        }.items()
    },
}
