"""The program's own client and bao, side by side with the same variables."""

import json
import os
import shlex
import ssl
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pulumi
import pytest

from components.clients.vault import VaultServer
from devstack.layout import load
from tests.support.proxies import ConnectProxy, Front, Proxy, SocksProxy

PATH = "sys/policies/acl/default"
NAMESPACE = "clients"


@dataclass(frozen=True, kw_only=True)
class Ground:
    """The stack's Vault with the variables that lead to it, and a home of its own."""

    home: Path
    pki: Path
    connect: Proxy
    socks: Proxy
    front: Proxy
    environ: dict[str, str] = field(default_factory=dict[str, str])

    def without(self, *names: str) -> None:
        """Have no such variable."""
        for name in names:
            del self.environ[name]

    def token_helper(self, script: str) -> None:
        """Take the token from a script."""
        helper = self.home / "helper"
        helper.write_text(f"#!/bin/sh\n{script}\n")
        helper.chmod(0o755)
        self.names_helper(f'# mine\ntoken_helper = "{helper}"\n')

    def names_helper(self, text: str) -> None:
        """Write the file of vault and of the provider, and that of bao."""
        for name in (".vault", ".bao"):
            (self.home / name).write_text(text)


@pytest.fixture(scope="module")
def proxies(devstack: dict[str, str]) -> Iterator[dict[str, Proxy]]:
    pki = load(devstack["DEVSTACK_NAME"]).pki
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(pki / "ca.crt"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(pki / "vault.crt", pki / "vault.key")
    url = urlsplit(devstack["VAULT_ADDR"])
    trusted = ssl.create_default_context(cafile=devstack["VAULT_CACERT"])
    front = Front(context, (url.hostname or "", url.port or 0), trusted)
    with ConnectProxy() as one, SocksProxy() as two, front:
        yield {"connect": one, "socks": two, "front": front}


@pytest.fixture(scope="module")
def namespace(devstack: dict[str, str]) -> str:
    command = ["bao", "namespace", "create", NAMESPACE]
    subprocess.run(command, env=os.environ | devstack, capture_output=True, check=True)
    return NAMESPACE


@pytest.fixture
def ground(devstack: dict[str, str], tmp_path: Path, proxies: dict[str, Proxy]) -> Ground:
    for proxy in proxies.values():
        proxy.asked.clear()
    wanted = ("PATH", "VAULT_ADDR", "VAULT_CACERT", "VAULT_TOKEN")
    return Ground(
        home=tmp_path,
        pki=load(devstack["DEVSTACK_NAME"]).pki,
        environ={key: devstack[key] for key in wanted} | {"HOME": str(tmp_path)},
        **proxies,
    )


def bao(ground: Ground) -> str:
    """Return what bao reads, or ""."""
    done = subprocess.run(
        ["bao", "read", "-format=json", PATH],
        env=ground.environ | {"BAO_MAX_RETRIES": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    return json.loads(done.stdout)["data"] if done.returncode == 0 else ""


def ours(ground: Ground, patch: pytest.MonkeyPatch) -> dict[str, Any] | None:
    """Return what this program's client reads."""
    for name in os.environ:
        patch.delenv(name)
    for name, value in ground.environ.items():
        patch.setenv(name, value)
    server = VaultServer(
        address=ground.environ["VAULT_ADDR"],
        ca_file=ground.environ.get("VAULT_CACERT", ""),
        namespace=ground.environ.get("VAULT_NAMESPACE", ""),
    )
    return server.read(PATH)


def asked(ground: Ground) -> list[list[str]]:
    """Return what each proxy was asked for since the last call, each once."""
    seen = [sorted(set(proxy.asked)) for proxy in (ground.connect, ground.socks, ground.front)]
    for proxy in (ground.connect, ground.socks, ground.front):
        proxy.asked.clear()
    return seen


Change = Callable[[Ground], object]


def variables(**values: str) -> Change:
    """Set variables; `{connect}` and the like stand for what they name."""

    def change(ground: Ground) -> None:
        names = {
            "connect": ground.connect.url,
            "socks": ground.socks.url,
            "front": ground.front.url,
            "home": ground.home,
            "pki": ground.pki,
            "host": urlsplit(ground.environ["VAULT_ADDR"]).hostname,
        }
        for name, value in values.items():
            ground.environ[name] = value.format_map(names)

    return change


def all_of(*changes: Change) -> Change:
    return lambda ground: [change(ground) for change in changes]


def without(*names: str) -> Change:
    return lambda ground: ground.without(*names)


def helper(script: str) -> Change:
    def change(ground: Ground) -> None:
        token = shlex.quote(ground.environ.pop("VAULT_TOKEN"))
        ground.token_helper(script.replace("TOKEN", token))

    return change


def stored_token(ground: Ground) -> None:
    (ground.home / ".vault-token").write_text(f"{ground.environ.pop('VAULT_TOKEN')}\n")


def helper_in_json(ground: Ground) -> None:
    helper(GIVES)(ground)
    ground.names_helper(json.dumps({"token_helper": str(ground.home / "helper")}))


def helper_elsewhere(ground: Ground) -> None:
    helper(GIVES)(ground)
    file = (ground.home / ".vault").rename(ground.home / "mine.hcl")
    ground.environ.update(VAULT_CONFIG_PATH=str(file), BAO_CONFIG_PATH=str(file))
    (ground.home / ".bao").unlink()


def folder_of_cas(ground: Ground) -> None:
    folder = ground.home / "cas" / "more"
    folder.mkdir(parents=True)
    (folder / "a.pem").write_text(Path(ground.environ.pop("VAULT_CACERT")).read_text())
    ground.environ["VAULT_CAPATH"] = str(folder.parent)


def ca_as_text(ground: Ground) -> None:
    ground.environ["VAULT_CACERT_BYTES"] = Path(ground.environ.pop("VAULT_CACERT")).read_text()


def folder_of_other_files(ground: Ground) -> None:
    folder_of_cas(ground)
    (ground.home / "cas" / "b.pem").write_text("none")


GIVES = '[ "$1" = get ] && printf %s TOKEN'
CERTIFICATE = {"VAULT_CLIENT_CERT": "{pki}/admin.crt", "VAULT_CLIENT_KEY": "{pki}/admin.key"}

WORKS: dict[str, Change] = {
    "as the stack has it": lambda _: None,
    "the token of a login": stored_token,
    "token helper": helper(GIVES),
    "token helper in JSON": helper_in_json,
    "token helper of VAULT_CONFIG_PATH": helper_elsewhere,
    "VAULT_TOKEN before the token helper": lambda ground: ground.token_helper("exit 1"),
    "VAULT_CAPATH": folder_of_cas,
    "VAULT_CACERT_BYTES": ca_as_text,
    "VAULT_TLS_SERVER_NAME": variables(VAULT_TLS_SERVER_NAME="localhost"),
    "VAULT_CLIENT_CERT": variables(VAULT_ADDR="{front}", **CERTIFICATE),
    "VAULT_AGENT_ADDR": variables(
        VAULT_ADDR="https://127.0.0.1:1", VAULT_AGENT_ADDR="{front}", **CERTIFICATE
    ),
    "VAULT_PROXY_ADDR": variables(VAULT_PROXY_ADDR="{connect}"),
    "VAULT_PROXY_ADDR of a SOCKS proxy": variables(VAULT_PROXY_ADDR="{socks}"),
    "VAULT_HTTP_PROXY": variables(VAULT_HTTP_PROXY="{connect}"),
    "VAULT_PROXY_ADDR before VAULT_HTTP_PROXY": variables(
        VAULT_HTTP_PROXY="http://127.0.0.1:1", VAULT_PROXY_ADDR="{connect}"
    ),
    "VAULT_PROXY_ADDR is not for NO_PROXY": variables(VAULT_PROXY_ADDR="{connect}", NO_PROXY="*"),
    "VAULT_PROXY_ADDR and VAULT_TLS_SERVER_NAME": variables(
        VAULT_PROXY_ADDR="{connect}", VAULT_TLS_SERVER_NAME="localhost"
    ),
    "VAULT_PROXY_ADDR to a server on loopback": variables(
        VAULT_ADDR="{front}", VAULT_PROXY_ADDR="{connect}", **CERTIFICATE
    ),
    "HTTPS_PROXY": variables(HTTPS_PROXY="{socks}"),
    "HTTPS_PROXY and NO_PROXY": variables(HTTPS_PROXY="{socks}", NO_PROXY="{host}"),
    "HTTPS_PROXY is not for loopback": variables(
        VAULT_ADDR="{front}", HTTPS_PROXY="{connect}", **CERTIFICATE
    ),
}
FAILS: dict[str, tuple[Change, str]] = {
    "no token": (without("VAULT_TOKEN"), "no token in VAULT_TOKEN and none in ~/.vault-token"),
    "an unknown token": (
        variables(VAULT_TOKEN="hvs.none"),
        "status 403: the token has expired, is unknown or may not read it",
    ),
    "token helper that fails": (
        helper("echo 'log in first' >&2; exit 2"),
        "exit status 2: log in first",
    ),
    "token helper that is not there": (
        all_of(helper(GIVES), lambda ground: (ground.home / "helper").unlink()),
        "no token helper at",
    ),
    "token helper that has none": (helper("exit 0"), "none in the token helper"),
    "no CA": (without("VAULT_CACERT"), "certificate verify failed"),
    "VAULT_TLS_SERVER_NAME of another server": (
        variables(VAULT_TLS_SERVER_NAME="other.example"),
        "certificate is not valid for 'other.example'",
    ),
    "no VAULT_CLIENT_CERT": (variables(VAULT_ADDR="{front}"), "found "),
    "VAULT_CLIENT_CERT without its key": (
        variables(VAULT_CLIENT_CERT="{pki}/admin.crt"),
        "expected a certificate and its key, not encrypted, in PEM in VAULT_CLIENT_CERT",
    ),
    "VAULT_CLIENT_CERT that is not there": (
        variables(VAULT_CLIENT_CERT="/nowhere", VAULT_CLIENT_KEY="/nowhere"),
        "No such file or directory",
    ),
    "VAULT_PROXY_ADDR that is no URL": (
        variables(VAULT_PROXY_ADDR="127.0.0.1:1"),
        "VAULT_PROXY_ADDR: expected a proxy as SCHEME://HOST:PORT",
    ),
    "VAULT_PROXY_ADDR where nobody listens": (
        variables(VAULT_PROXY_ADDR="http://127.0.0.1:1"),
        "Connection refused",
    ),
}


@pytest.mark.parametrize("name", WORKS)
def test_what_reads_vault_with_bao_reads_it_here(
    ground: Ground, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    WORKS[name](ground)
    theirs = bao(ground)
    way = asked(ground)
    assert theirs

    assert ours(ground, monkeypatch) == theirs
    assert asked(ground) == way


def test_a_namespace_is_that_of_bao(
    ground: Ground, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ground.environ["VAULT_NAMESPACE"] = namespace
    assert (theirs := bao(ground))

    assert ours(ground, monkeypatch) == theirs


@pytest.mark.parametrize("name", FAILS)
def test_what_fails_with_bao_ends_here_in_one_sentence(
    ground: Ground, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, sentence = FAILS[name]
    change(ground)
    assert not bao(ground)

    with pytest.raises(pulumi.RunError) as caught:
        ours(ground, monkeypatch)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_of_cas_holds_nothing_else_as_the_provider_wants_it(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_of_other_files(ground)

    with pytest.raises(pulumi.RunError, match=r"expected certificates in PEM in .*b\.pem"):
        ours(ground, monkeypatch)
