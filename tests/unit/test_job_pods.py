from types import SimpleNamespace as Object
from typing import Any

import pytest
from lightkube.resources.core_v1 import Pod

from components.jobs.pods import failures, node_on_its_way, obstacles, termination_message


def state(**kinds: Any) -> Object:
    return Object(**({"terminated": None, "waiting": None, "running": None} | kinds))


def ended(name: str, code: int, message: str | None, reason: str = "Error") -> Object:
    terminated = Object(exitCode=code, message=message, reason=reason)
    return Object(name=name, state=state(terminated=terminated))


def waits(name: str, reason: str) -> Object:
    return Object(name=name, state=state(waiting=Object(reason=reason, message="why")))


def pod(
    created: int, init: list[Any], main: list[Any], conditions: Any = None, phase: str = "Pending"
) -> Object:
    status = Object(
        phase=phase, initContainerStatuses=init, containerStatuses=main, conditions=conditions or []
    )
    metadata = Object(creationTimestamp=created, uid=f"pod-{created}", namespace="ns")
    spec = Object(initContainers=[Object(name=each.name, restartPolicy=None) for each in init])
    return Object(metadata=metadata, spec=spec, status=status)


def event(second: int, reason: str, kind: str = "Warning") -> Object:
    return Object(reason=reason, type=kind, message="why", lastTimestamp=second, eventTime=None)


JOB = Object(metadata=Object(namespace="ns", uid="job"))
UNSCHEDULABLE = Object(status="False", reason="Unschedulable", message="no node")


@pytest.fixture
def client():
    """Stand in for the API's client with a list of pods, and events by their object's uid."""

    def holding(*pods: Object, **events: list[Object]) -> Any:
        def found(kind: type, *, fields: dict[str, str] | None = None, **_: Any) -> Any:
            if kind is Pod:
                return iter(pods)
            return iter(events.get((fields or {})["involvedObject.uid"].replace("-", "_"), []))

        return Object(list=found)

    return holding


def test_the_same_sentence_of_four_pods_is_said_once(client) -> None:
    pods = [pod(n, [ended("vault-init", 20, "no such role\n")], []) for n in range(4)]

    assert failures(client(*pods), "ns", "job") == [
        "container vault-init ended with 20: no such role"
    ]


def test_main_containers_are_left_to_the_provider_where_it_reports_them(client) -> None:
    only = client(pod(1, [ended("vault-init", 0, "ok")], [ended("migrate", 10, "refused")]))

    assert failures(only, "ns", "job", main=False) == []
    assert failures(only, "ns", "job") == ["container migrate ended with 10: refused"]


def test_a_container_without_a_message_gives_its_reason(client) -> None:
    killed = client(pod(1, [ended("vault-init", 137, None, "OOMKilled")], []))

    assert failures(killed, "ns", "job") == ["container vault-init ended with 137: OOMKilled"]


def test_a_missing_image_is_named_and_an_ordinary_start_is_not(client) -> None:
    pods = client(
        pod(1, [waits("vault-init", "ErrImagePull")], []),
        pod(2, [], [waits("migrate", "PodInitializing")]),
    )

    assert failures(pods, "ns", "job") == ["container vault-init waits, ErrImagePull: why"]


def test_an_unschedulable_pod_gives_its_condition(client) -> None:
    assert failures(client(pod(1, [], [], [UNSCHEDULABLE])), "ns", "job") == [
        "the pod does not start, Unschedulable: no node"
    ]


def test_the_newest_pods_message_is_the_report(client) -> None:
    pods = client(
        pod(2, [], [ended("verify", 0, "new")]),
        pod(1, [], [ended("verify", 0, "old")]),
    )

    assert termination_message(pods, "ns", "job", "verify") == "new"
    assert termination_message(client(), "ns", "job", "verify") is None


def test_a_back_off_is_the_error_that_it_backs_off_from(client) -> None:
    status = waits("vault-init", "ImagePullBackOff")
    status.state.waiting.message = 'Back-off pulling image "a:1": ErrImagePull: not found'

    assert obstacles(client(pod(1, [status], [])), JOB) == [
        "container vault-init waits, ErrImagePull: not found"
    ]


def test_a_job_without_a_pod_is_told_by_its_newest_event(client) -> None:
    refused = client(job=[event(1, "SuccessfulCreate", "Normal"), event(2, "FailedCreate")])
    made = client(job=[event(1, "FailedCreate"), event(1, "SuccessfulCreate", "Normal")])

    assert obstacles(refused, JOB) == ["no pod is made, FailedCreate: why"]
    assert obstacles(made, JOB) == []


def test_a_volume_that_cannot_be_mounted_is_an_obstacle_until_the_pod_goes_on(client) -> None:
    waiting = pod(1, [], [waits("migrate", "PodInitializing")])
    failed = [event(1, "Scheduled", "Normal"), event(2, "FailedMount"), event(3, "MissingDNS")]

    assert obstacles(client(waiting, pod_1=failed), JOB) == [
        "the pod does not start, FailedMount: why"
    ]
    assert obstacles(client(waiting, pod_1=[*failed, event(4, "Pulling", "Normal")]), JOB) == []


def test_a_sidecar_that_runs_is_no_start_of_the_job(client) -> None:
    runs = Object(name="mesh", state=state(running=True))
    waiting = pod(1, [runs, waits("vault-init", "ErrImagePull")], [])

    assert obstacles(client(waiting), JOB) == []

    waiting.spec.initContainers[0].restartPolicy = "Always"

    assert obstacles(client(waiting), JOB) == ["container vault-init waits, ErrImagePull: why"]


def test_an_ended_pod_is_no_obstacle_while_the_next_one_is_awaited(client) -> None:
    over = pod(1, [ended("vault-init", 20, "no such role")], [], phase="Failed")

    assert obstacles(client(over, job=[event(1, "SuccessfulCreate", "Normal")]), JOB) == []


def test_a_container_that_ended_a_moment_ago_is_no_obstacle(client) -> None:
    over = pod(1, [ended("vault-init", 0, "ok")], [ended("migrate", 11, "no")], phase="Running")

    assert obstacles(client(over, pod_1=[event(1, "FailedKillPod")]), JOB) == []


def test_a_container_at_work_is_no_obstacle_whatever_the_kubelet_fails_at(client) -> None:
    at_work = Object(name="vault-init", state=state(running=Object()))
    complaint = [event(1, "Started", "Normal"), event(2, "FailedToRetrieveImagePullSecret")]

    assert obstacles(client(pod(1, [at_work], []), pod_1=complaint), JOB) == []


def test_an_autoscaler_says_that_a_node_is_on_its_way(client) -> None:
    pending = pod(1, [], [], [UNSCHEDULABLE])

    assert node_on_its_way(client(pending, pod_1=[event(1, "TriggeredScaleUp", "Normal")]), JOB)
    assert not node_on_its_way(client(pending, pod_1=[event(1, "FailedScheduling")]), JOB)
