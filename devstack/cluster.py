"""Starts etcd, the control plane and the node, and waits until the node takes pods."""

import signal
import sys
from datetime import datetime

from devstack import cgroups, images, network, processes
from devstack.addresses import NODE_NAME
from devstack.https import Server, api_server
from devstack.layout import ROOT, Stack
from devstack.startup import Startup
from devstack.templates import flags

NODE = "node"
NODE_INIT = "node-init"
CGROUPS = "control-groups.json"

_NODE_SCRIPT = str(ROOT / "devstack" / "scripts" / "node.sh")
_CONTROLLERS = ("kube-controller-manager", "kube-scheduler")


def start(startup: Startup) -> None:
    """Start the cluster; the wire to the node has to be there."""
    if not startup.running("etcd"):
        # its connection to an etcd that went away comes back only after many seconds
        processes.stop(startup.stack.records / "kube-apiserver", signal.SIGKILL)
    for part in ("etcd", "kube-apiserver"):
        _start_component(startup, part)
    _start_node(startup)
    server = api_server(startup.stack)
    startup.wait(
        "kube-apiserver",
        lambda: server.get("/readyz")[0] == 200,
        "the API server to be ready",
    )
    startup.report("API server ready")
    for part in _CONTROLLERS:
        _start_component(startup, part)
    startup.wait(NODE, lambda: _node_is_ready(startup.stack, server), "the node to be ready")
    startup.wait(
        "kube-controller-manager",
        lambda: _has_default_account(server),
        "the namespace default to have its ServiceAccount",
    )
    startup.report("node ready")


def ready(stack: Stack) -> dict[str, bool]:
    """Tell for each part that can be asked whether it is ready."""
    server = api_server(stack)
    # without etcd the answer would be no, after several seconds
    etcd = processes.running(stack.records / "etcd") is not None
    api = etcd and server.get("/readyz")[0] == 200
    return {
        "etcd": api,
        "kube-apiserver": api,
        "kube-controller-manager": api and _has_default_account(server),
        NODE: api and _node_is_ready(stack, server),
    }


def stop_node(stack: Stack) -> None:
    """End the node with everything in it, and remove its control groups."""
    # the kernel ends all processes of a namespace together with its first one
    processes.stop(stack.records / NODE_INIT, signal.SIGKILL)
    processes.stop(stack.records / NODE, signal.SIGKILL)
    cgroups.remove(stack.records / CGROUPS)


def _start_node(startup: Startup) -> None:
    stack = startup.stack
    if startup.running(NODE_INIT) and startup.running(NODE):
        return
    images.fill(stack, startup.report)
    groups = cgroups.create(stack.network.interface, stack.records / CGROUPS)
    startup.start(
        NODE,
        [
            _NODE_SCRIPT,
            *map(str, groups.roots),
            "--",
            *map(str, groups.leaves),
            "--",
            sys.executable,
            "-m",
            "devstack.node",
            str(stack.folder),
        ],
        PYTHONPATH=str(ROOT),
    )
    startup.wait(
        NODE,
        lambda: startup.running(NODE_INIT),
        "the node to come up in its namespaces",
        seconds=20,
    )
    first = processes.running(stack.records / NODE_INIT)
    if first:
        network.hand_over(stack.network, first.pid)


def _start_component(startup: Startup, part: str) -> None:
    stack = startup.stack
    startup.start(part, [str(stack.tools / "kubebox"), part, *flags(part, stack.values())])


def _node_is_ready(stack: Stack, server: Server) -> bool:
    record = stack.records / NODE_INIT
    status, node = server.get(f"/api/v1/nodes/{NODE_NAME}")
    conditions = node["status"].get("conditions", []) if status == 200 else []
    ready = {"type": "Ready", "status": "True"}
    heartbeats = [c["lastHeartbeatTime"] for c in conditions if ready.items() <= c.items()]
    if not heartbeats or not record.exists():
        return False
    # etcd keeps what an earlier run said; a heartbeat has whole seconds, a lease is rarer
    seen = [*heartbeats, *_lease_renewal(server)]
    return max(map(_timestamp, seen)) > record.stat().st_mtime


def _lease_renewal(server: Server) -> list[str]:
    path = f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{NODE_NAME}"
    status, lease = server.get(path)
    return [lease["spec"]["renewTime"]] if status == 200 else []


def _timestamp(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _has_default_account(server: Server) -> bool:
    path = "/api/v1/namespaces/default/serviceaccounts/default"
    return server.get(path)[0] == 200
