"""What can be wrong with Vault and its secret; each is broken for a while and mended again.

A cause gives the settings that belong to it, if any.
"""

import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import trustme

from devstack import vault
from devstack.layout import load
from devstack.waiting import wait_until
from tests.support.fake_vault import FakeVault
from tests.support.impostor import with_certificate
from tests.support.vault_api import Environment, VaultApi

Settings = dict[str, Any]
Cause = Callable[[Environment], AbstractContextManager[Settings]]
Fields = dict[str, Any]

SECRET_PATH = "bizmatters/agent-executor/postgres"
PAGE = "<html><body>Please log in</body></html>"


def role(**changes: str | None) -> Cause:
    """Change fields of the Jobs' role; without any there is no such role."""

    @contextmanager
    def cause(dev: Environment) -> Iterator[Settings]:
        path = f"auth/{dev.settings['vaultAuthMount']}/role/{dev.settings['vaultRole']}"
        before = _ask(dev, "GET", path)["data"]
        _ask(dev, "POST", path, before | changes) if changes else _ask(dev, "DELETE", path)
        try:
            yield {}
        finally:
            _ask(dev, "POST", path, {key: value for key, value in before.items() if value})

    return cause


@contextmanager
def no_auth_mount(dev: Environment) -> Iterator[Settings]:
    """Move the auth mount to another path."""
    here, there = dev.settings["vaultAuthMount"], "elsewhere"
    dev.run("bao", "auth", "move", f"auth/{here}/", f"auth/{there}/").expect()
    try:
        yield {}
    finally:
        dev.run("bao", "auth", "move", f"auth/{there}/", f"auth/{here}/").expect()


def secret(change: Callable[[Fields], Fields]) -> Cause:
    """Write another version of the Jobs' secret."""
    return _secret(lambda dev, path, fields: _put(dev, path, change(fields)))


def _secret(change: Callable[[Environment, str, Fields], object]) -> Cause:
    @contextmanager
    def cause(dev: Environment) -> Iterator[Settings]:
        mount = dev.settings["vaultKvMount"]
        before = _ask(dev, "GET", f"{mount}/data/{SECRET_PATH}")["data"]["data"]
        change(dev, mount, before)
        try:
            yield {}
        finally:
            _put(dev, mount, before)

    return cause


def _put(dev: Environment, mount: str, fields: Fields) -> None:
    _ask(dev, "POST", f"{mount}/data/{SECRET_PATH}", {"data": fields})


@contextmanager
def _planned(dev: Environment) -> Iterator[Settings]:
    """Let every version be deleted a day after it was written."""
    metadata = f"{dev.settings['vaultKvMount']}/metadata/{SECRET_PATH}"
    _ask(dev, "POST", metadata, {"delete_version_after": "24h"})
    with secret(lambda fields: fields)(dev):
        try:
            yield {}
        finally:
            # Before the secret is written once more.
            _ask(dev, "POST", metadata, {"delete_version_after": "0s"})


def _destroy(dev: Environment, mount: str, _: Fields) -> None:
    newest = _ask(dev, "GET", f"{mount}/metadata/{SECRET_PATH}")["data"]["current_version"]
    _ask(dev, "POST", f"{mount}/destroy/{SECRET_PATH}", {"versions": [newest]})


@contextmanager
def sealed(dev: Environment) -> Iterator[Settings]:
    """Seal the stack's own Vault."""
    stack = load(dev.environ["DEVSTACK_NAME"])
    dev.run("bao", "operator", "seal").expect()
    try:
        yield {}
    finally:
        (key,) = json.loads((stack.vault / "keys.json").read_text())["keys_base64"]
        dev.run("bao", "operator", "unseal", key).expect()
        wait_until(lambda: vault.ready(stack), "the unsealed Vault to be active", seconds=30)


@contextmanager
def away(dev: Environment) -> Iterator[Settings]:
    """Point the Jobs at a port where nobody listens."""
    yield {"vaultAddressInCluster": f"https://{_host(dev)}:1"}


def answering(status: int, body: str) -> Cause:
    """Point the Jobs at a server with Vault's certificate and one answer."""

    @contextmanager
    def cause(dev: Environment) -> Iterator[Settings]:
        context = with_certificate(_pki(dev), "vault")
        with FakeVault(_host(dev), context, status, body) as fake:
            yield {"vaultAddressInCluster": fake.url}

    return cause


def certified(expires: datetime | None = None, *, trusted: bool) -> Cause:
    """Point the Jobs at a server with another certificate."""

    @contextmanager
    def cause(dev: Environment) -> Iterator[Settings]:
        authority = trustme.CA()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate = authority.issue_cert(_host(dev), not_after=expires)
        certificate.configure_cert(context)
        # The program itself goes on to talk with the real Vault.
        pem = dev.folder / "authorities.pem"
        pem.write_text(_authority(dev) + (authority.cert_pem.bytes().decode() if trusted else ""))
        with FakeVault(_host(dev), context) as fake:
            yield {"vaultAddressInCluster": fake.url, "vaultCaCertFile": str(pem)}

    return cause


def _authority(dev: Environment) -> str:
    return Path(dev.environ["VAULT_CACERT"]).read_text()


def _pki(dev: Environment) -> Path:
    return Path(dev.environ["VAULT_CACERT"]).parent


def _host(dev: Environment) -> str:
    return urlsplit(dev.environ["VAULT_ADDR"]).hostname or ""


def _ask(dev: Environment, method: str, path: str, body: Fields | None = None) -> Any:
    content = json.dumps(body).encode() if body else b""
    status, answer = VaultApi(dev).request(method, path, body=content)
    assert status in (HTTPStatus.OK, HTTPStatus.NO_CONTENT), (path, status, answer)
    return answer


VAULT_CAUSES: dict[str, Cause] = {
    "role missing": role(),
    "namespace not bound": role(bound_service_account_namespaces="another"),
    "service account not bound": role(bound_service_account_names="another"),
    "audience": role(audience="another"),
    "auth mount missing": no_auth_mount,
    "policy missing": role(token_policies="another"),
    "secret missing": _secret(
        lambda dev, mount, _: _ask(dev, "DELETE", f"{mount}/metadata/{SECRET_PATH}")
    ),
    "field missing": secret(lambda fields: {k: v for k, v in fields.items() if k != "password"}),
    "field not text": secret(lambda fields: fields | {"password": None}),
    "secret deleted": _secret(
        lambda dev, mount, _: _ask(dev, "DELETE", f"{mount}/data/{SECRET_PATH}")
    ),
    "secret destroyed": _secret(_destroy),
    "secret to be deleted": _planned,
    "vault sealed": sealed,
    "vault away": away,
    "vault of another ca": certified(trusted=False),
    "vault certificate expired": certified(datetime(2001, 1, 1), trusted=True),
    "vault answers html": answering(HTTPStatus.OK, PAGE),
    "vault answers html 403": answering(HTTPStatus.FORBIDDEN, PAGE),
    "vault answers 500": answering(500, '{"errors": ["internal error"]}'),
    "vault answers 502": answering(502, PAGE),
    "vault answers 429": answering(429, '{"errors": ["rate limit quota exceeded"]}'),
}
