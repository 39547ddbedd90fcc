from types import SimpleNamespace as Object
from typing import Any

import pytest
from httpx2 import Request, Response, TransportError
from lightkube import ApiError

from components.schema.rollback import job
from components.schema.rollback.job import RollbackJob

PROPS = {
    "job_name": "rollback",
    "namespace": "ns",
    "kubeconfig": "",
    "kube_context": "",
    "seconds": 60.0,
}
NO_NODE = ["the pod does not start, Unschedulable: no node"]


class Cluster:
    """A Job whose pod does not end; what hinders it comes from a list, one a look."""

    def __init__(self) -> None:
        self.looks: list[Any] = []
        self.deleted = False
        self.seconds = 0.0

    def get(self, *_: Any, **__: Any) -> Object:
        return Object(status=Object(conditions=[]))

    def obstacles(self, *_: Any) -> list[str]:
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(look, Exception):
            raise look
        return look

    def delete(self, *_: Any, **__: Any) -> None:
        self.deleted = True

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    cluster = Cluster()
    monkeypatch.setattr(job, "connect", lambda _: cluster)
    monkeypatch.setattr(job, "failures", lambda *_: [])
    monkeypatch.setattr(job, "obstacles", cluster.obstacles)
    monkeypatch.setattr(job, "node_on_its_way", lambda *_: False)
    monkeypatch.setattr(job, "connect_http", lambda _: None)
    monkeypatch.setattr(job, "await_change", lambda *_: False)
    clock = Object(monotonic=lambda: cluster.seconds, sleep=cluster.sleep)
    monkeypatch.setattr(job, "time", clock)
    return cluster


def test_a_pod_that_cannot_start_says_why_within_start_seconds(cluster: Cluster) -> None:
    cluster.looks = [NO_NODE]

    assert RollbackJob(PROPS | {"start_seconds": 5.0}).wait() == (
        f"Job ns/rollback: {NO_NODE[0]}; no pod started within startSeconds, 5 s"
    )
    assert cluster.deleted
    assert cluster.seconds == 6


def test_a_job_that_gets_no_pod_says_why_at_once(cluster: Cluster) -> None:
    cluster.looks = [["no pod is made, FailedCreate: quota"]]

    reason = RollbackJob(PROPS | {"start_seconds": 5.0}).wait()

    assert reason == "Job ns/rollback: no pod is made, FailedCreate: quota"
    assert (cluster.deleted, cluster.seconds) == (True, 0)


def test_trouble_that_passes_begins_the_count_anew(cluster: Cluster) -> None:
    cluster.looks = [*[NO_NODE] * 2, [], TransportError("away"), NO_NODE]

    RollbackJob(PROPS | {"start_seconds": 5.0}).wait()

    assert cluster.seconds == 4 * job.LOOK_SECONDS + 6


def test_a_node_on_its_way_is_waited_for(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "node_on_its_way", lambda *_: True)
    cluster.looks = [NO_NODE]

    with pytest.raises(TimeoutError, match="expected its end of Job ns/rollback within 60 s"):
        RollbackJob(PROPS | {"start_seconds": 5.0}).wait()


def test_a_state_of_before_that_input_waits_for_the_jobs_own_deadline(cluster: Cluster) -> None:
    cluster.looks = [NO_NODE]

    RollbackJob(PROPS).wait()

    assert cluster.seconds == 60


def answer(code: int) -> ApiError:
    body = {"code": code, "message": "no"}
    return ApiError(response=Response(code, json=body, request=Request("GET", "http://")))


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_an_api_server_that_is_too_busy_ends_no_destroy(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    answers: list[ApiError | None] = [answer(code), None]
    get = cluster.get

    def busy(*arguments: Any, **more: Any) -> Object:
        if answers and (error := answers.pop(0)):
            raise error
        return get(*arguments, **more)

    monkeypatch.setattr(cluster, "get", busy)
    cluster.looks = [answer(code), NO_NODE]

    reason = RollbackJob(PROPS | {"start_seconds": 5.0}).wait()

    assert reason
    assert reason.startswith("Job ns/rollback: the pod does not start")


def test_an_api_server_that_refuses_to_tell_ends_the_wait(cluster: Cluster) -> None:
    cluster.looks = [answer(403)]

    with pytest.raises(ApiError):
        RollbackJob(PROPS | {"start_seconds": 5.0}).wait()
