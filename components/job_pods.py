"""Reads from the Kubernetes API how the pods of a Job ended."""

# lightkube's generic signatures are only partially typed.
# pyright: reportUnknownMemberType=false

from collections.abc import Iterator
from typing import Any

import yaml
from lightkube import Client, KubeConfig
from lightkube.resources.core_v1 import Pod

from .manifests import Cluster

JOB_LABEL = "batch.kubernetes.io/job-name"


def connect(cluster: Cluster) -> Client:
    """Return a client for the cluster's API."""
    if cluster.kubeconfig:
        config = KubeConfig.from_dict(yaml.safe_load(cluster.kubeconfig))
    else:
        config = KubeConfig.from_env()
    return Client(config=config.get(context_name=cluster.context or None))


def failures(client: Client, namespace: str, job: str, *, main: bool = True) -> list[str]:
    """Return why the Job's pods failed: one sentence a cause, the same sentence once.

    Without `main` only the init containers count, which Pulumi's provider never reports.
    """
    found: dict[str, None] = {}
    for pod in _pods(client, namespace, job):
        for sentence in _ended(pod, main=main):
            found[sentence] = None
    return list(found)


def termination_message(client: Client, namespace: str, job: str, container: str) -> str | None:
    """Return what the newest pod's container wrote as it ended, or None."""
    for pod in reversed(_pods(client, namespace, job)):
        statuses: list[Any] = pod.status.containerStatuses or []
        for status in statuses:
            if status.name == container and status.state.terminated:
                return status.state.terminated.message
    return None


def _pods(client: Client, namespace: str, job: str) -> list[Any]:
    # Any, since lightkube types every field of an object as optional, even those always there.
    pods: list[Any] = list(client.list(Pod, namespace=namespace, labels={JOB_LABEL: job}))
    return sorted(pods, key=lambda pod: pod.metadata.creationTimestamp)


def _ended(pod: Any, *, main: bool) -> Iterator[str]:
    statuses: list[Any] = [
        *(pod.status.initContainerStatuses or []),
        *((pod.status.containerStatuses or []) if main else []),
    ]
    for status in statuses:
        terminated, waiting = status.state.terminated, status.state.waiting
        if terminated and terminated.exitCode:
            reason = (terminated.message or terminated.reason or "no message").strip()
            yield f"container {status.name} ended with {terminated.exitCode}: {reason}"
        elif waiting and waiting.reason not in ("PodInitializing", "ContainerCreating"):
            yield f"container {status.name} waits, {waiting.reason}: {waiting.message}"
    if not statuses:
        conditions: list[Any] = pod.status.conditions or []
        for condition in conditions:
            if condition.status == "False" and condition.message:
                yield f"the pod does not start, {condition.reason}: {condition.message}"
