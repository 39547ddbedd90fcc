"""The program's own client and kubectl, side by side on the same kubeconfig."""

import json
import os
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from lightkube.generic_resource import create_global_resource

from components.clients.cluster import Cluster
from components.clients.kubeconfig import ambient
from components.clients.kubeconfig_rules import KubeconfigError
from components.clients.kubernetes import connect
from devstack.layout import load
from tests.support.kubeconfigs import FAILS, REFUSED, WORKS, Ground
from tests.support.proxies import ConnectProxy, Proxy, SocksProxy
from tests.support.service_account_tokens import parts, signed, signing_key

WHO_AM_I = create_global_resource(
    "authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews"
)
ACCOUNT = "clients"
HOUR = 3600


@pytest.fixture(scope="module")
def token(devstack: dict[str, str]) -> str:
    """Return the token of a ServiceAccount that may do nothing."""

    def kubectl(*arguments: str) -> str:
        command = ["kubectl", "-n", "default", *arguments]
        return subprocess.run(
            command, env=os.environ | devstack, capture_output=True, text=True, check=True
        ).stdout.strip()

    kubectl("create", "serviceaccount", ACCOUNT)
    return kubectl("create", "token", ACCOUNT)


@pytest.fixture(scope="module")
def proxies(devstack: dict[str, str]) -> Iterator[dict[str, Proxy]]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    pki = load(devstack["DEVSTACK_NAME"]).pki
    context.load_cert_chain(pki / "vault.crt", pki / "vault.key")
    with ConnectProxy() as one, ConnectProxy(context) as two, SocksProxy() as three:
        yield {"connect": one, "over_tls": two, "socks": three}


@pytest.fixture
def ground(
    devstack: dict[str, str], tmp_path: Path, token: str, proxies: dict[str, Any]
) -> Iterator[Ground]:
    config = yaml.safe_load(Path(devstack["KUBECONFIG"]).read_text())
    header, claims = parts(token)
    old = {claim: claims[claim] - 2 * HOUR for claim in ("iat", "nbf", "exp")}
    key = signing_key(load(devstack["DEVSTACK_NAME"]).pki)
    for proxy in proxies.values():
        proxy.asked.clear()
    connect.cache_clear()
    yield Ground(
        folder=tmp_path,
        cluster=config["clusters"][0]["cluster"],
        user=config["users"][0]["user"],
        token=token,
        expired=signed(header, claims | old, key),
        environ={"PATH": devstack["PATH"]},
        **proxies,
    )
    connect.cache_clear()


def kubectl(ground: Ground, config: str) -> tuple[str, Any]:
    """Return whom kubectl is taken for, or "" and what it says."""
    done = subprocess.run(
        ["kubectl", "auth", "whoami", "-o", "json", "--request-timeout=10s"],
        cwd="/",
        env=os.environ | ground.environ | {"KUBECONFIG": config, "HOME": str(ground.folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    info = json.loads(done.stdout)["status"]["userInfo"] if done.returncode == 0 else None
    return done.stderr, info


def ours(ground: Ground, config: str, patch: pytest.MonkeyPatch) -> tuple[str, Any]:
    """Return whom this program's client is taken for, or what it says."""
    for key, value in ground.environ.items():
        patch.setenv(key, value)
    try:
        text = ambient(os.environ | {"KUBECONFIG": config}, "")
        with connect(Cluster(kubeconfig=text, context="")) as client:
            review: Any = client.create(WHO_AM_I())
    except (KubeconfigError, httpx2.HTTPError) as error:
        return str(error), None
    return "", review.status["userInfo"]


def asked(ground: Ground) -> list[list[str]]:
    """Return what each proxy was asked for since the last call, each once."""
    seen = [sorted(set(p.asked)) for p in (ground.connect, ground.over_tls, ground.socks)]
    for proxy in (ground.connect, ground.over_tls, ground.socks):
        proxy.asked.clear()
    return seen


@pytest.mark.parametrize("name", WORKS)
def test_what_reaches_the_api_with_kubectl_reaches_it_here(
    ground: Ground, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = WORKS[name](ground)
    said, theirs = kubectl(ground, config)
    way = asked(ground)
    assert theirs, said

    assert ours(ground, config, monkeypatch) == ("", theirs)
    assert asked(ground) == way


@pytest.mark.parametrize("name", FAILS)
def test_what_fails_with_kubectl_ends_here_in_one_sentence(
    ground: Ground, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variant, sentence = FAILS[name]
    config = variant(ground)
    assert kubectl(ground, config)[1] is None

    said, found = ours(ground, config, monkeypatch)
    assert found is None
    assert sentence in said
    assert "\n" not in said


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_work_here_is_refused_before_anything_is_asked(
    ground: Ground, name: str
) -> None:
    variant, sentence = REFUSED[name]
    config = variant(ground)
    with pytest.raises(KubeconfigError, match=sentence):
        ambient(ground.environ | {"KUBECONFIG": config}, "")
