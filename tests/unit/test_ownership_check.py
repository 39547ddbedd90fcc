import re
from contextlib import nullcontext
from dataclasses import replace
from http import HTTPStatus
from types import SimpleNamespace as Object
from typing import Any

import httpx2
import pulumi
import pytest
from lightkube import ApiError

from components.clients import kubernetes
from components.clients.cluster import Cluster
from components.clients.vault import VaultServer
from components.ownership.annotations import ENVIRONMENT, OWNER
from components.ownership.check import OwnershipCheck, policy_owner

CHECK = OwnershipCheck(
    environment="dev",
    owner="ours",
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


JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {
        "name": "graphs-migration-001",
        "namespace": "ns",
        "annotations": {OWNER: "ours"},
    },
}


def before_write(
    check: OwnershipCheck, kind: str, inputs: dict[str, Any], before: dict[str, Any] | None = None
) -> None:
    check.hook("access").callback(
        pulumi.ResourceHookArgs(
            urn="", id="", name="", type=kind, new_inputs=inputs, old_inputs=before
        )
    )


@pytest.fixture
def create(monkeypatch: pytest.MonkeyPatch):
    """Check a role before its create, as Vault answers; return the requested URLs."""

    def run(*answers: Any, address: str = "https://vault", **more: Any) -> list[str]:
        asked: list[httpx2.Request] = []

        def handle(_: object, request: httpx2.Request) -> httpx2.Response:
            asked.append(request)
            answer = answers[len(asked) - 1]
            if isinstance(answer, Exception):
                raise answer
            return httpx2.Response(answer, request=request, **more)

        monkeypatch.setattr(httpx2.HTTPTransport, "handle_request", handle)
        monkeypatch.setenv("VAULT_TOKEN", "token")
        check = replace(CHECK, vault=replace(CHECK.vault, address=address))
        before_write(check, "vault:kubernetes/authBackendRole:AuthBackendRole", ROLE)
        assert {request.headers["X-Vault-Token"] for request in asked} == {"token"}
        return [str(request.url) for request in asked]

    return run


@pytest.mark.parametrize("address", ["https://vault", "https://vault/"])
def test_what_does_not_exist_may_be_made(create, address: str) -> None:
    urls = create(HTTPStatus.NOT_FOUND, address=address)

    assert urls == ["https://vault/v1/auth/kubernetes/role/graphs"]


def test_a_role_that_says_the_same_may_be_written_again(create) -> None:
    data = {"bound_service_account_names": ["graphs"], "token_ttl": 120}

    create(HTTPStatus.OK, json={"data": data})


def test_a_role_that_says_something_else_is_refused(create) -> None:
    data = {"bound_service_account_names": ["*"], "token_ttl": 120}

    with pytest.raises(pulumi.RunError, match="expected Vault role 'graphs' not to exist yet"):
        create(HTTPStatus.OK, json={"data": data})


def test_a_standby_sends_to_the_active_one(create) -> None:
    active = {"Location": "https://active/v1/elsewhere"}

    urls = create(HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.NOT_FOUND, headers=active)

    assert urls[1] == active["Location"]


@pytest.mark.parametrize(
    ("answer", "more", "found"),
    [
        (HTTPStatus.FORBIDDEN, {"json": {"errors": []}}, "status 403"),
        (HTTPStatus.SERVICE_UNAVAILABLE, {"json": {"errors": ["sealed"]}}, "status 503"),
        (HTTPStatus.NO_CONTENT, {}, "status 204"),
        (HTTPStatus.OK, {"text": "<html>log in</html>"}, "an answer that is not Vault's"),
        (HTTPStatus.OK, {"json": ["text"]}, "an answer that is not Vault's"),
        (httpx2.ReadTimeout("too slow"), {}, "ReadTimeout: too slow"),
        (httpx2.ConnectError("certificate verify failed"), {}, "ConnectError: certificate verify"),
        (
            HTTPStatus.TEMPORARY_REDIRECT,
            {"headers": {"Location": "http://plain/"}},
            "UnsupportedProtocol: a redirect away from https",
        ),
    ],
)
def test_what_vault_does_not_tell_is_not_overwritten(
    create, answer: Any, more: dict[str, Any], found: str
) -> None:
    expected = (
        "nothing was written: expected Vault at https://vault to say what is at "
        f"auth/kubernetes/role/graphs, found {found}"
    )

    with pytest.raises(pulumi.RunError, match=re.escape(expected)):
        create(answer, answer, **more)


@pytest.mark.parametrize(
    ("version", "kind"),
    [("batch/v1", "CronJob"), ("v1", "PersistentVolumeClaim"), ("v1", "ConfigMap")],
)
def test_each_kind_that_is_made_by_name_is_looked_for(
    monkeypatch: pytest.MonkeyPatch, version: str, kind: str
) -> None:
    asked: list[str] = []

    def get(found: type, name: str, **_: str) -> Any:
        asked.append(f"{found.__name__} {name}")
        return Object(metadata=Object(annotations={}))

    monkeypatch.setattr(kubernetes, "connect", lambda _: Object(get=get))
    inputs = {"apiVersion": version, "kind": kind, "metadata": JOB["metadata"]}

    with pytest.raises(pulumi.RunError, match=f"expected {kind} .* not to exist yet"):
        before_write(CHECK, f"kubernetes:{version}:{kind}", inputs)

    assert asked == [f"{kind} {JOB['metadata']['name']}"]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch):
    """Check an object before it is written, as the API server answers."""

    def run(
        answer: Any, before: dict[str, Any] | None = None, inputs: dict[str, Any] = JOB
    ) -> None:
        def get(kind: type, name: str, **where: str) -> Any:
            assert (kind.__name__, name, where) == (
                "Job",
                JOB["metadata"]["name"],
                {"namespace": "ns"},
            )
            if isinstance(answer, Exception):
                raise answer
            return Object(metadata=Object(annotations=answer))

        monkeypatch.setattr(kubernetes, "connect", lambda _: Object(get=get))
        before_write(CHECK, "kubernetes:batch/v1:Job", inputs, before)

    return run


def status(code: int) -> ApiError:
    answer = {"code": code, "message": "the server says no", "status": "Failure"}
    request = httpx2.Request("GET", "https://cluster")
    return ApiError(request=request, response=httpx2.Response(code, json=answer, request=request))


@pytest.mark.parametrize("answer", [status(HTTPStatus.NOT_FOUND), {OWNER: "ours"}])
def test_a_job_that_is_ours_or_is_not_there_may_be_made(cluster, answer: Any) -> None:
    cluster(answer)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, "expected Job 'graphs-migration-001' not to exist yet, found somebody else's"),
        ({ENVIRONMENT: "prod"}, "not to exist yet, found that of environment 'prod'; choose"),
        (
            {ENVIRONMENT: "dev", OWNER: "another"},
            "not to exist yet, found that of environment 'dev', whose owner id is another; choose",
        ),
        (status(HTTPStatus.FORBIDDEN), "exists, found ApiError: the server says no; check"),
        (httpx2.ReadTimeout("too slow"), "exists, found ReadTimeout: too slow; check kubeconfig"),
    ],
)
def test_an_object_of_others_or_that_cannot_be_read_is_refused(
    cluster, answer: Any, said: str
) -> None:
    with pytest.raises(pulumi.RunError, match=re.escape(said)):
        cluster(answer)


@pytest.mark.parametrize(("environment", "refused"), [("dev", False), ("prod", True)])
def test_what_outlives_its_stack_is_taken_again_by_its_environment(
    cluster, environment: str, refused: bool
) -> None:
    annotations = {ENVIRONMENT: environment}
    kept = {**JOB, "metadata": {**JOB["metadata"], "annotations": annotations}}
    said = pytest.raises(pulumi.RunError, match="found that of environment 'dev'")

    with said if refused else nullcontext():
        cluster({ENVIRONMENT: "dev", OWNER: "an-earlier-stack"}, inputs=kept)


BEFORE = {"metadata": {"annotations": {OWNER: "imported"}}}


@pytest.mark.parametrize("answer", [None, {OWNER: "ours"}, {OWNER: "imported"}])
def test_an_object_that_the_state_knows_may_be_updated(cluster, answer: Any) -> None:
    cluster(answer, BEFORE)


def test_an_object_that_another_stack_has_taken_over_is_not_updated(cluster) -> None:
    with pytest.raises(pulumi.RunError, match=r"to be this stack's, found .* owner id is another"):
        cluster({OWNER: "another"}, BEFORE)


@pytest.mark.parametrize(
    ("text", "owner"),
    [(f"# {OWNER}: ours\npath {{}}\n", "ours"), ("path {}\n", None), ("", None)],
)
def test_a_policy_says_whose_it_is(text: str, owner: str | None) -> None:
    assert policy_owner(text) == owner
