from http import HTTPStatus
from typing import Any

import httpx2
import pulumi
import pytest

from components.existing import Guard, VaultServer
from components.manifests import Cluster

GUARD = Guard(
    environment="dev",
    cluster=Cluster(kubeconfig="", context=""),
    vault=VaultServer(address="https://vault", ca_file="", namespace=""),
)
ROLE = {
    "backend": "kubernetes",
    "roleName": "graphs",
    "boundServiceAccountNames": ["graphs"],
    "tokenTtl": 120.0,
    "__defaults": [],
}


@pytest.fixture
def create(monkeypatch: pytest.MonkeyPatch):
    """Check a role before its create, as Vault answers; return the requested URL."""

    def run(status: int, data: dict[str, Any]) -> str:
        asked: list[str] = []

        def answer(url: str, **_: Any) -> httpx2.Response:
            asked.append(url)
            request = httpx2.Request("GET", url)
            return httpx2.Response(status, json={"data": data}, request=request)

        monkeypatch.setattr(httpx2, "get", answer)
        hooks = GUARD.hooks("access").before_create
        assert hooks
        kind = "vault:kubernetes/authBackendRole:AuthBackendRole"
        hook = hooks[0]
        assert isinstance(hook, pulumi.ResourceHook)
        hook.callback(pulumi.ResourceHookArgs(urn="", id="", name="", type=kind, new_inputs=ROLE))
        return asked[0]

    return run


def test_what_does_not_exist_may_be_made(create) -> None:
    url = create(HTTPStatus.NOT_FOUND, {})

    assert url == "https://vault/v1/auth/kubernetes/role/graphs"


def test_a_role_that_says_the_same_may_be_written_again(create) -> None:
    create(HTTPStatus.OK, {"bound_service_account_names": ["graphs"], "token_ttl": 120})


def test_f30_a_role_that_says_something_else_is_refused(create) -> None:
    with pytest.raises(pulumi.RunError, match="expected Vault role 'graphs' not to exist yet"):
        create(HTTPStatus.OK, {"bound_service_account_names": ["*"], "token_ttl": 120})


def test_what_may_not_be_read_is_not_overwritten(create) -> None:
    with pytest.raises(pulumi.RunError, match="before it is written, Vault answered 403"):
        create(HTTPStatus.FORBIDDEN, {})


def test_a_sealed_vault_is_left_to_the_provider_to_name(create) -> None:
    create(HTTPStatus.SERVICE_UNAVAILABLE, {})
