"""Tells what this machine lacks to run the embedded stack."""

import os
import pwd
import sys
from pathlib import Path

from devstack import processes, toolchain
from devstack.database import USER
from devstack.errors import StackError

_CGROUPS = Path("/sys/fs/cgroup")
_CONTROLLERS = {"cpu", "cpuset", "memory", "pids"}


def problems() -> list[str]:
    """Return one sentence for each thing that is missing."""
    ours = [*_account_problems(), *_kernel_problems()] if sys.platform == "linux" else []
    return [*ours, *toolchain.problems()]


def require() -> None:
    """Raise one sentence if anything is missing.

    Raises:
        StackError: the machine cannot run the stack.
    """
    found = problems()
    if not found:
        return
    message = (
        f"this machine cannot run the embedded stack: {found[0]} "
        "(`python3 -m devstack doctor` lists everything); to use a cluster, Vault and PostgreSQL "
        'of your own instead, see "Your own cluster" in README.md'
    )
    raise StackError(message)


def _account_problems() -> list[str]:
    try:
        pwd.getpwnam(USER)
    except KeyError:
        return [f"PostgreSQL needs a user {USER}, there is none: run devstack/setup.sh as root"]
    return []


def _kernel_problems() -> list[str]:
    found = []
    missing = sorted(_CONTROLLERS - _controllers())
    if missing:
        found.append(
            f"the node needs control groups under {_CGROUPS}, there is no "
            f"{' and no '.join(missing)}: mount them"
        )
    if os.geteuid() == 0 and not _can_make_namespaces():
        found.append(
            "the node needs namespaces of its own, the kernel refuses to make them: use a virtual "
            "machine or a privileged container"
        )
    if "\toverlay\n" not in _text(Path("/proc/filesystems")):
        found.append("containerd needs overlayfs, the kernel has none: modprobe overlay")
    return found


def _can_make_namespaces() -> bool:
    try:
        processes.run("unshare", "--cgroup", "--ipc", "--mount", "--net", "--uts", "true")
    except (FileNotFoundError, StackError):
        return False
    return True


def _controllers() -> set[str]:
    """Return the controllers that can be used, of either version of control groups."""
    unified = _text(_CGROUPS / "cgroup.controllers").split()
    return set(unified) or {
        name for path in _CGROUPS.glob("*/cgroup.procs") for name in path.parent.name.split(",")
    }


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""
