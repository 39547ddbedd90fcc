"""Rules about what containers may do."""

from collections.abc import Iterator, Mapping
from typing import Any

from .model import Resource, part

POD_SPECS = {
    "Pod": ("spec",),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    **dict.fromkeys(
        ("Job", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"),
        ("spec", "template", "spec"),
    ),
}


def pod_spec(resource: Resource) -> Mapping[str, Any]:
    """Return the pod's specification that a resource holds, or an empty one."""
    found = resource.manifest
    for key in POD_SPECS.get(found.get("kind", ""), ()):
        found = part(found, key)
    return found if resource.manifest.get("kind") in POD_SPECS else {}


def containers(resource: Resource) -> Iterator[Mapping[str, Any]]:
    """Yield the containers of a resource's pod, those that come first among them."""
    pod = pod_spec(resource)
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        yield from pod.get(kind) or ()


def not_root(resource: Resource) -> Iterator[str]:
    """Look at the pod's security context where the container's says nothing."""
    pod = part(pod_spec(resource), "securityContext")
    for container in containers(resource):
        context = {**pod, **part(container, "securityContext")}
        if context.get("runAsNonRoot") is not True:
            yield _expected(container, "runAsNonRoot true", context.get("runAsNonRoot"))
        if context.get("runAsUser") == 0:
            yield _expected(container, "another runAsUser than root's", 0)
        if context.get("allowPrivilegeEscalation") is not False:
            found = context.get("allowPrivilegeEscalation")
            yield _expected(container, "allowPrivilegeEscalation false", found)
        if context.get("privileged"):
            yield _expected(container, "no privileged mode", "it on")


def read_only_root(resource: Resource) -> Iterator[str]:
    """Look at the container's own security context: a pod has no such field."""
    for container in containers(resource):
        found = part(container, "securityContext").get("readOnlyRootFilesystem")
        if found is not True:
            yield _expected(container, "readOnlyRootFilesystem true", found)


def limited(resource: Resource) -> Iterator[str]:
    """Ask for both limits: without one of them a container may starve its node's others."""
    for container in containers(resource):
        limits = part(part(container, "resources"), "limits")
        for what in ("cpu", "memory"):
            if not limits.get(what):
                yield _expected(container, f"a limit of {what}", None)


def _expected(container: Mapping[str, Any], what: str, found: object) -> str:
    said = "nothing said" if found is None else str(found).lower()
    return f"container {container.get('name')}: expected {what}, found {said}"
