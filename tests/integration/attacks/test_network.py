"""Servers that are not what they say they are, and a secret that talks to terminals."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.deployment import Deployment
from tests.support.impostor import Impostor, of_another_authority, with_certificate
from tests.support.pods import Manifest, Pods
from tests.support.vault_api import Answer, VaultProxy

CASES = ("another authority", "another name", "no TLS", "none of these")
# Begins as what psql sends to a server that it trusts, behind the length of the message.
STARTUP = b"\x00\x03\x00\x00user\x00"


def contexts(dev: Deployment, name: str) -> dict[str, ssl.SSLContext | None]:
    """Return how to pass for a server; the last one has its key and shows what would be heard."""
    pki = Path(dev.environ["VAULT_CACERT"]).parent
    return {
        "another authority": of_another_authority(dev.environ["PGHOST"]),
        "another name": with_certificate(pki, "etcd"),
        "no TLS": None,
        "none of these": with_certificate(pki, name),
    }


def with_secret(**fields: object) -> Callable[[str, Answer], Answer]:
    """Return a change for VaultProxy: the secret with other fields."""

    def change(path: str, answer: Answer) -> Answer:
        if "/data/" in path and answer[0] == 200:
            answer[1]["data"]["data"] |= fields
        return answer

    return change


Ended = dict[str, tuple[Impostor, dict[str, Manifest], str]]


def run(pods: Pods, impostors: dict[str, Impostor], manifests: dict[str, Manifest]) -> Ended:
    """Run all pods side by side; return each one's impostor, ends and log."""
    pods.create(*manifests.values()).expect()
    return {
        case: (impostors[case], pods.end(name := pod["metadata"]["name"]), pods.logs(name))
        for case, pod in manifests.items()
    }


@pytest.fixture(scope="module")
def false_vaults(dev: Deployment, pods: Pods) -> Iterator[Ended]:
    host = dev.environ["PGHOST"]
    with ExitStack() as stack:
        impostors = {
            case: stack.enter_context(Impostor(host, context, postgresql=False))
            for case, context in contexts(dev, "vault").items()
        }
        yield run(
            pods,
            impostors,
            {
                case: pods.pod(
                    f"vault-{number}",
                    VAULT_ADDR=f"https://{host}:{impostors[case].port}",
                    DEADLINE_SECONDS="3",
                )
                for number, case in enumerate(CASES)
            },
        )


@pytest.fixture(scope="module")
def false_databases(dev: Deployment, pods: Pods) -> Iterator[Ended]:
    host = dev.environ["PGHOST"]
    with ExitStack() as stack:
        impostors = {
            case: stack.enter_context(Impostor(host, context, postgresql=True))
            for case, context in contexts(dev, "postgresql").items()
        }
        proxies = {
            case: stack.enter_context(VaultProxy(dev, with_secret(port=str(one.port))))
            for case, one in impostors.items()
        }
        yield run(
            pods,
            impostors,
            {
                case: pods.pod(
                    f"database-{number}", VAULT_ADDR=proxies[case].address, DEADLINE_SECONDS="3"
                )
                for number, case in enumerate(CASES)
            },
        )


@pytest.mark.parametrize("case", CASES[:-1])
def test_a_false_vault_hears_no_token(false_vaults: Ended, case: str) -> None:
    impostor, ended, _ = false_vaults[case]

    assert impostor.connections > 0
    assert b"jwt" not in impostor.heard
    # Without TLS the client's greeting can be read, and is all there is.
    assert impostor.heard[:2] in (b"", b"\x16\x03")
    assert ended["vault-init"]["exitCode"] in (20, 22)


@pytest.mark.parametrize("case", CASES[:-1])
def test_a_false_database_hears_neither_name_nor_password(
    false_databases: Ended, case: str
) -> None:
    impostor, ended, _ = false_databases[case]

    assert impostor.connections > 0
    assert impostor.heard == b""
    assert ended["migrate"]["exitCode"] == 11


def test_the_impostors_would_have_heard_it(false_vaults: Ended, false_databases: Ended) -> None:
    assert b'"jwt":' in false_vaults["none of these"][0].heard
    assert STARTUP in false_databases["none of these"][0].heard


ESCAPES = {
    "c0": {"username": "\x1b[31mred", "database": "\x1b]0;title\x07", "host": "x\b"},
    "c1": {"database": "\x9b31m"},
    "overtyped": {"username": "fine\rovertyped"},
    "password": {"password": "\x1b[31m\x9b31m\x07"},
}


def test_control_characters_in_the_secret_never_reach_a_log(dev: Deployment, pods: Pods) -> None:
    with ExitStack() as stack:
        proxies = {
            what: stack.enter_context(VaultProxy(dev, with_secret(**fields)))
            for what, fields in ESCAPES.items()
        }
        manifests = {
            what: pods.pod(f"escape-{what}", VAULT_ADDR=proxy.address)
            for what, proxy in proxies.items()
        }
        pods.create(*manifests.values()).expect()
        ended = {what: pods.end(f"escape-{what}") for what in manifests}

    said = {
        what: pods.logs(f"escape-{what}") + str([end.get("message") for end in ends.values()])
        for what, ends in ended.items()
    }
    unprintable = {w: t for w, t in said.items() if not t.replace("\n", "").isprintable()}
    assert unprintable == {}
    assert not [what for what, text in said.items() if "\\x" in text]
    assert ended.pop("password")["migrate"]["exitCode"] == 11
    assert {ends["vault-init"]["exitCode"] for ends in ended.values()} == {21}
