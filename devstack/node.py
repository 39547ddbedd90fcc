"""First process of the node's namespaces: prepares them, runs containerd, kubelet and kube-proxy.

When it ends, the kernel ends every process and undoes every mount the node had made.
"""

import os
import socket
import sys
from pathlib import Path

from devstack import images, processes
from devstack.addresses import NODE_NAME
from devstack.cluster import NODE_INIT
from devstack.https import api_server
from devstack.layout import Stack
from devstack.templates import flags, render
from devstack.waiting import wait_until

# what the kubelet would otherwise write to the machine's kernel
_KERNEL_SETTINGS = {
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
}
_STORE = Path("/run/store")
_STATE = Path("/run/containerd")
_CGROUPS = Path("/sys/fs/cgroup")


def main() -> None:
    """Bring the node up and stay until one of its daemons ends."""
    stack = Stack.read(Path(sys.argv[1]))
    for folder in ("kubelet", "log/pods", "log/containers", "store", "kernel", "network.d"):
        (stack.node / folder).mkdir(parents=True, exist_ok=True)
    groups = Path("/proc/self/cgroup").read_text()
    # before /proc is mounted anew: it still shows the pid the host knows
    processes.record(stack.records / NODE_INIT, processes.itself())
    socket.sethostname(NODE_NAME)
    _mount_folders(stack)
    _mount_cgroups(groups)
    _shadow_kernel_settings(stack)
    _mount("--make-rshared", "/")
    _join_network(stack)
    _supervise(_start_daemons(stack))


def _mount(*arguments: object) -> None:
    processes.run("mount", *map(str, arguments))


def _mount_folders(stack: Stack) -> None:
    _mount("-t", "proc", "proc", "/proc")
    # hides the host's sockets and gives containerd, its shims and the kubelet their fixed paths
    _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    for name, target in {"store": _STORE, "kubelet": Path("/run/kubelet")}.items():
        target.mkdir()
        _mount("--bind", stack.node / name, target)
    _mount("--bind", stack.node / "log", "/var/log")
    for name in ("lock", "netns", "cni"):
        Path("/run", name).mkdir()


def _mount_cgroups(groups: str) -> None:
    """Mount the hierarchies anew, so that their roots are the node's own groups."""
    processes.run("umount", "--recursive", "/sys")
    _mount("-t", "sysfs", "sysfs", "/sys")
    older = [line.split(":", 2)[1] for line in groups.splitlines() if line.split(":", 2)[1]]
    if not older:
        _mount("-t", "cgroup2", "cgroup2", _CGROUPS)
        return
    _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", _CGROUPS)
    for controllers in older:
        folder = _CGROUPS / controllers.removeprefix("name=")
        folder.mkdir()
        named = controllers.startswith("name=")
        _mount(
            "-t", "cgroup", "-o", f"none,{controllers}" if named else controllers, "cgroup", folder
        )


def _shadow_kernel_settings(stack: Stack) -> None:
    """Show the kubelet the values it wants, without changing the machine's."""
    for name, value in _KERNEL_SETTINGS.items():
        shadow = stack.node / "kernel" / name.replace("/", ".")
        shadow.write_text(f"{value}\n")
        _mount("--bind", shadow, Path("/proc/sys", name))


def _join_network(stack: Stack) -> None:
    wait_until(Path("/sys/class/net/eth0").exists, "the host to hand over eth0", seconds=20)
    for command in (
        "link set lo up",
        f"address add {stack.network.node}/30 dev eth0",
        "link set eth0 up",
        f"route add default via {stack.network.host}",
    ):
        processes.run("ip", *command.split())
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1\n")


def _start_daemons(stack: Stack) -> dict[int, str]:
    """Start the three daemons and return their names by pid."""
    values, node = stack.values(), stack.node
    (node / "network.d" / "10-devstack.conflist").write_text(render("cni.conflist", values))
    for name in ("kubelet.yaml", "kube-proxy.yaml", "resolv.conf"):
        (node / name).write_text(render(name, values))
    config = node / "containerd.toml"
    config.write_text(
        images.configuration(stack, store=_STORE, state=_STATE, network=node / "network.d")
    )
    kubebox = str(stack.tools / "kubebox")
    containerd = _spawn(stack, "containerd", "-c", str(config), "-l", "warn")
    wait_until((_STATE / "containerd.sock").exists, "containerd to make its socket", seconds=30)
    server = api_server(stack)
    # the kubelet's own retries grow to several seconds
    wait_until(lambda: server.get("/readyz")[0] == 200, "the API server to be ready", seconds=90)
    kubelet = _spawn(stack, kubebox, "kubelet", *flags("kubelet", values))
    proxy = _spawn(stack, kubebox, "kube-proxy", f"--config={node / 'kube-proxy.yaml'}")
    return {containerd: "containerd", kubelet: "kubelet", proxy: "kube-proxy"}


def _spawn(stack: Stack, program: str, *arguments: str) -> int:
    name = arguments[0] if program.endswith("kubebox") else program
    return processes.spawn([program, *arguments], log=stack.logs / f"{name}.log", environment={})


def _supervise(daemons: dict[int, str]) -> None:
    """Reap every orphan of the node, and leave as soon as one of its daemons ends."""
    while True:
        pid, status = os.wait()
        if pid in daemons:
            sys.exit(f"{daemons[pid]} ended with {os.waitstatus_to_exitcode(status)}")


if __name__ == "__main__":
    main()
