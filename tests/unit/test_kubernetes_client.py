"""The login over time; what goes over the wire is tested beside kubectl, in tests/integration."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from lightkube.resources.core_v1 import Pod

from components.clients.cluster import Cluster
from components.clients.kubernetes import LoginError, connect

VERSION = "client.authentication.k8s.io/v1"
SERVER = "https://api.example"
PODS = {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": []}


@pytest.fixture(autouse=True)
def clients() -> Iterator[None]:
    connect.cache_clear()
    yield
    connect.cache_clear()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Answer requests by these status codes, then always with a list; return who asked."""

    def answering(*codes: int) -> list[str]:
        asked: list[str] = []
        left = list(codes)

        def handle(_: object, request: httpx2.Request) -> httpx2.Response:
            asked.append(request.headers.get("Authorization", "nobody"))
            code = left.pop(0) if left else 200
            return httpx2.Response(code, json=PODS, request=request)

        monkeypatch.setattr(httpx2.HTTPTransport, "handle_request", handle)
        return asked

    return answering


def cluster(user: dict[str, Any], url: str = SERVER) -> Cluster:
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": user}],
    }
    return Cluster(kubeconfig=yaml.safe_dump(config), context="")


def plugin(folder: Path, *, expires: str = "") -> dict[str, Any]:
    """Return a user whose plugin gives the tokens 1, 2, 3 and so on."""
    status = {"token": "N"} | ({"expirationTimestamp": expires} if expires else {})
    answer = json.dumps({"apiVersion": VERSION, "kind": "ExecCredential", "status": status})
    path = folder / "plugin"
    text = answer.replace('"N"', "\"'$(wc -c <\"$0.count\" | tr -d ' ')'\"")
    path.write_text(f"#!/bin/sh\nprintf x >>\"$0.count\"\necho '{text}'\n")
    path.chmod(0o755)
    return {"exec": {"apiVersion": VERSION, "command": str(path), "interactiveMode": "Never"}}


def ask(cluster: Cluster) -> None:
    list(connect(cluster).list(Pod, namespace="ns"))


def test_a_plugin_is_asked_once_for_many_requests(server, tmp_path: Path) -> None:
    asked, here = server(), cluster(plugin(tmp_path))

    for _ in range(3):
        ask(here)

    assert asked == ["Bearer 1"] * 3


def test_a_login_past_its_own_end_is_followed_by_a_new_one(server, tmp_path: Path) -> None:
    asked, here = server(), cluster(plugin(tmp_path, expires="2001-01-01T00:00:00Z"))

    ask(here)
    ask(here)

    assert len(set(asked)) == 2


def test_a_login_that_is_not_accepted_any_more_is_followed_by_a_new_one(
    server, tmp_path: Path
) -> None:
    asked, here = server(200, 401), cluster(plugin(tmp_path))

    ask(here)
    ask(here)

    assert asked == ["Bearer 1", "Bearer 1", "Bearer 2"]


def test_a_new_login_is_asked_for_only_once(server, tmp_path: Path) -> None:
    asked = server(401, 401, 401)

    with pytest.raises(LoginError, match="found 401: it has ended or is unknown"):
        ask(cluster(plugin(tmp_path)))
    assert asked == ["Bearer 1", "Bearer 2"]


def test_a_token_that_its_file_has_renewed_is_read_again(server, tmp_path: Path) -> None:
    file, asked = tmp_path / "token", server(200, 401)
    file.write_text("old\n")
    here = cluster({"tokenFile": str(file), "token": "older"})
    ask(here)
    file.write_text("new\n")

    ask(here)

    assert asked == ["Bearer old", "Bearer old", "Bearer new"]


def test_a_token_is_not_sent_twice(server) -> None:
    asked = server(401)

    with pytest.raises(LoginError):
        ask(cluster({"token": "t"}))
    assert asked == ["Bearer t"]


def test_credentials_do_not_go_in_the_clear_as_with_kubectl(server) -> None:
    asked = server()

    ask(cluster({"token": "t"}, url="http://api.example"))

    assert asked == ["nobody"]


def test_without_a_kubeconfig_a_pod_is_its_service_account(
    server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = server()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    ambient = Cluster(kubeconfig="", context="")
    with pytest.raises(LoginError, match="expected a kubeconfig, found none; set KUBECONFIG"):
        ask(ambient)

    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "api.example")
    with pytest.raises(LoginError, match="No such file"):
        ask(ambient)
    assert asked == []
