"""Ways to confine a pod less than the Jobs' pods are."""

from collections.abc import Callable
from typing import Any

Change = Callable[[dict[str, Any]], object]


def _context(**values: Any) -> Change:
    return lambda pod: pod["containers"][0]["securityContext"].update(**values)


def _host_path(path: str) -> Change:
    return lambda pod: pod["volumes"].append({"name": "host", "hostPath": {"path": path}})


# What the API server does not admit where Pod Security is "restricted" and there is a quota.
NOT_ADMITTED: dict[str, Change] = {
    "privileged": _context(privileged=True, allowPrivilegeEscalation=True),
    "escalation": _context(allowPrivilegeEscalation=True),
    "capabilities": _context(capabilities={"add": ["NET_ADMIN"]}),
    "root": lambda pod: pod["securityContext"].update(runAsUser=0),
    "perhaps-root": lambda pod: pod["securityContext"].pop("runAsNonRoot"),
    "no-seccomp": lambda pod: pod["securityContext"].pop("seccompProfile"),
    "host-network": lambda pod: pod.update(hostNetwork=True),
    "host-processes": lambda pod: pod.update(hostPID=True),
    "host-path": _host_path("/"),
    "the-memory-of-others": _host_path("/run/kubelet/pods"),
    "unlimited": lambda pod: pod["containers"][0].pop("resources"),
}

# What no standard forbids, and we do.
OUR_OWN: dict[str, Change] = {
    "automount": lambda pod: pod.pop("automountServiceAccountToken"),
    "token-for-psql": lambda pod: pod["containers"][0]["volumeMounts"].append(
        {"name": "token", "mountPath": "/var/run/secrets/vault"}
    ),
    "writable-root": _context(readOnlyRootFilesystem=False),
}
