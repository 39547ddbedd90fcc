from types import SimpleNamespace as Object
from typing import Any

import pytest

from components.job_pods import failures, termination_message


def state(**kinds: Any) -> Object:
    return Object(**({"terminated": None, "waiting": None} | kinds))


def ended(name: str, code: int, message: str | None, reason: str = "Error") -> Object:
    terminated = Object(exitCode=code, message=message, reason=reason)
    return Object(name=name, state=state(terminated=terminated))


def waits(name: str, reason: str) -> Object:
    return Object(name=name, state=state(waiting=Object(reason=reason, message="why")))


def pod(created: int, init: list[Any], main: list[Any], conditions: Any = None) -> Object:
    status = Object(initContainerStatuses=init, containerStatuses=main, conditions=conditions or [])
    return Object(metadata=Object(creationTimestamp=created), status=status)


@pytest.fixture
def client():
    """Stand in for the API's client with a list of pods."""

    def holding(*pods: Object) -> Any:
        return Object(list=lambda *_, **__: iter(pods))

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
    condition = Object(status="False", reason="Unschedulable", message="no node")

    assert failures(client(pod(1, [], [], [condition])), "ns", "job") == [
        "the pod does not start, Unschedulable: no node"
    ]


def test_the_newest_pods_message_is_the_report(client) -> None:
    pods = client(
        pod(2, [], [ended("verify", 0, "new")]),
        pod(1, [], [ended("verify", 0, "old")]),
    )

    assert termination_message(pods, "ns", "job", "verify") == "new"
    assert termination_message(client(), "ns", "job", "verify") is None
