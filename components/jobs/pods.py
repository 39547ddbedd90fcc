"""Reads from the Kubernetes API how the pods of a Job ended, or why none starts."""

# lightkube's generic signatures are only partially typed.
# pyright: reportUnknownMemberType=false

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from lightkube import ApiError, Client
from lightkube.resources.core_v1 import Event, Pod

JOB_LABEL = "batch.kubernetes.io/job-name"
UID_LABEL = "batch.kubernetes.io/controller-uid"
NO_POD = "no pod is made, "
# What the cluster's autoscaler and Karpenter say of a pod that they make a node for.
NODE_ON_ITS_WAY = {"TriggeredScaleUp", "Nominated"}
# A kubelet alternates between the error and this wrapping of the same error.
BACK_OFF = re.compile(r'^ImagePullBackOff: Back-off pulling image "[^"]*": ')


def failures(client: Client, namespace: str, job: str, *, main: bool = True) -> list[str]:
    """Return why the Job's pods failed: one sentence a cause, the same sentence once.

    Without `main` only the init containers count, which Pulumi's provider never reports.
    """
    pods = _pods(client, namespace, {JOB_LABEL: job})
    return _once(
        sentence for pod in pods for sentence in (*_ended(pod, main=main), *_waits(pod, main=main))
    )


def obstacles(client: Client, job: Any) -> list[str]:
    """Return why the Job has no pod that starts; nothing while one is at work or on its way."""
    pods = _pods(client, job.metadata.namespace, {UID_LABEL: job.metadata.uid})
    alive = [pod for pod in pods if pod.status.phase in ("Pending", "Running")]
    if not alive:
        return [f"{NO_POD}{text}" for text in _halted(client, job)]
    return _once(sentence for pod in alive for sentence in _held_up(client, pod))


def node_on_its_way(client: Client, job: Any) -> bool:
    """Tell whether an autoscaler says that it makes a node for a pod of the Job."""
    pods = _pods(client, job.metadata.namespace, {UID_LABEL: job.metadata.uid})
    return any(event.reason in NODE_ON_ITS_WAY for pod in pods for event in _events(client, pod))


def termination_message(client: Client, namespace: str, job: str, container: str) -> str | None:
    """Return what the newest pod's container wrote as it ended, or None."""
    for pod in reversed(_pods(client, namespace, {JOB_LABEL: job})):
        for status in _statuses(pod, main=True):
            if status.name == container and status.state.terminated:
                return status.state.terminated.message
    return None


def _once(sentences: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(sentences))


def _pods(client: Client, namespace: str, labels: dict[str, str]) -> list[Any]:
    # Any, since lightkube types every field of an object as optional, even those always there.
    pods: list[Any] = list(client.list(Pod, namespace=namespace, labels={**labels}))
    return sorted(pods, key=lambda pod: pod.metadata.creationTimestamp)


def _ended(pod: Any, *, main: bool) -> Iterator[str]:
    for status in _statuses(pod, main=main):
        terminated = status.state.terminated
        if terminated and terminated.exitCode:
            reason = (terminated.message or terminated.reason or "no message").strip()
            yield f"container {status.name} ended with {terminated.exitCode}: {reason}"


def _waits(pod: Any, *, main: bool) -> Iterator[str]:
    statuses = _statuses(pod, main=main)
    for status in statuses:
        waiting = status.state.waiting
        if waiting and waiting.reason not in ("PodInitializing", "ContainerCreating"):
            why = BACK_OFF.sub("", f"{waiting.reason}: {waiting.message}")
            yield f"container {status.name} waits, {why}"
    if not statuses:
        conditions: list[Any] = pod.status.conditions or []
        for condition in conditions:
            if condition.status == "False" and condition.message:
                yield f"the pod does not start, {condition.reason}: {condition.message}"


def _statuses(pod: Any, *, main: bool) -> list[Any]:
    init: list[Any] = pod.status.initContainerStatuses or []
    return [*init, *((pod.status.containerStatuses or []) if main else [])]


def _held_up(client: Client, pod: Any) -> list[str]:
    # A sidecar of the cluster's own runs while no container of the Job's does yet.
    init: list[Any] = pod.spec.initContainers or []
    sidecars = {each.name for each in init if each.restartPolicy == "Always"}
    statuses = [s for s in _statuses(pod, main=True) if s.name not in sidecars]
    if pod.status.phase == "Running" or any(status.state.running for status in statuses):
        return []
    waits = list(_waits(pod, main=True))
    return waits or [f"the pod does not start, {text}" for text in _halted(client, pod)]


def _halted(client: Client, about: Any) -> Iterator[str]:
    """Give the newest event of the object if that is a failure, since others may have passed."""
    told = [e for e in _events(client, about) if e.type == "Normal" or e.reason[:6] == "Failed"]
    newest = max(told, key=lambda event: (_time(event), event.type == "Normal"), default=None)
    if newest and newest.type != "Normal":
        yield f"{newest.reason}: {newest.message}"


def _events(client: Client, about: Any) -> list[Any]:
    uid, namespace = about.metadata.uid, about.metadata.namespace
    # Without the right to read events what the pods themselves say must do.
    with suppress(ApiError):
        return list(client.list(Event, namespace=namespace, fields={"involvedObject.uid": uid}))
    return []


def _time(event: Any) -> datetime:
    return event.lastTimestamp or event.eventTime or event.metadata.creationTimestamp
