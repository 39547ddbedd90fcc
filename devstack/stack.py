"""Starts, stops and describes a whole stack."""

import secrets
import shutil
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

from devstack import (
    cluster,
    database,
    layout,
    machine,
    network,
    pki,
    processes,
    toolchain,
    vault,
)
from devstack.layout import Stack
from devstack.locking import locked
from devstack.startup import Startup

PARTS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    cluster.NODE,
    vault.PART,
    database.PART,
)

# a lock for the choice of addresses: no stack can have this name
_ADDRESSES = "_addresses"


@dataclass(frozen=True)
class PartStatus:
    """What is known about one part."""

    name: str
    pid: int | None
    ready: bool

    @property
    def state(self) -> str:
        """Return it in words."""
        if self.pid is None:
            return "stopped"
        return "running" if self.ready else "not ready"


def up(name: str, report: Callable[[str], None]) -> None:
    """Start a stack and wait until all of it is ready; one that is ready is left alone.

    Raises:
        StackError: the machine lacks something, or a part did not start; then nothing keeps
            running.
    """
    machine.require()
    with locked(_lock(name), report):
        stack = _recorded(name, toolchain.ensure(report), report)
        if all(part.ready for part in status(name)):
            report(f"stack {name} is up already")
            return
        try:
            _start(stack, report)
        except BaseException:
            report("stopping what was started")
            _stop(stack)
            raise
        report(f"stack {name} is up")


def down(name: str, report: Callable[[str], None], *, purge: bool = False) -> None:
    """Stop a stack; its data stays for the next start unless it is purged."""
    with locked(_lock(name), report):
        known = layout.exists(name)
        if known:
            _stop(layout.load(name))
        if purge:
            # also what a start left that was killed before it had recorded anything
            shutil.rmtree(layout.run_folder(name), ignore_errors=not known)
        if purge or not known:
            _lock(name).unlink()
    done = "removed" if purge else "stopped, its data is kept"
    report(f"stack {name} is {done}" if known else f"there is no stack {name}")


def status(name: str) -> list[PartStatus]:
    """Return the state of every part of a recorded stack."""
    stack = layout.load(name)
    if not (stack.pki / "ca.crt").exists():
        return [PartStatus(part, None, ready=False) for part in PARTS]
    ready = {
        **cluster.ready(stack),
        vault.PART: vault.ready(stack),
        database.PART: database.ready(stack),
    }
    found = []
    for part in PARTS:
        process = processes.running(stack.records / part)
        is_ready = process is not None and ready.get(part, True)
        found.append(PartStatus(part, process.pid if process else None, is_ready))
    return found


def _lock(name: str) -> Path:
    return layout.stacks_folder() / f".{name}.lock"


def _recorded(name: str, tools: toolchain.Toolchain, report: Callable[[str], None]) -> Stack:
    """Return the stack's record with the tools of today, made when there is none."""
    with locked(_lock(_ADDRESSES), report):
        if layout.exists(name):
            stack = replace(layout.load(name), tools=tools.bin, images=tools.images)
        else:
            stack = Stack(
                name=name,
                folder=layout.run_folder(name),
                network=network.choose(other.network for other in layout.recorded()),
                database_password=secrets.token_urlsafe(24),
                tools=tools.bin,
                images=tools.images,
            )
        stack.make_folders()
        tools.offer_plugins(stack.pulumi / "home")
        stack.save()
    return stack


def _start(stack: Stack, report: Callable[[str], None]) -> None:
    startup = Startup(stack, report)
    if not (startup.running(cluster.NODE_INIT) and network.connected(stack.network)):
        cluster.stop_node(stack)
        network.delete(stack.network)
        network.create(stack.network)
    pki.issue(stack)
    report("certificates and network ready")
    with ThreadPoolExecutor() as pool:
        tasks = [pool.submit(part.start, startup) for part in (cluster, vault, database)]
        try:
            for task in as_completed(tasks):
                task.result()
        except BaseException:
            startup.cancelled.set()
            raise


def _stop(stack: Stack) -> None:
    """Stop what runs, clients before the servers they need."""

    def end(part: str, *signals: int, seconds: float = 5) -> None:
        processes.stop(stack.records / part, *signals, signal.SIGKILL, seconds=seconds)

    with ThreadPoolExecutor() as pool:
        tasks = [
            pool.submit(end, "kube-scheduler", signal.SIGTERM),
            pool.submit(end, "kube-controller-manager", signal.SIGTERM),
            pool.submit(end, vault.PART, signal.SIGTERM),
            # fast shutdown, then immediate shutdown
            pool.submit(end, database.PART, signal.SIGINT, signal.SIGQUIT, seconds=20),
            pool.submit(cluster.stop_node, stack),
        ]
    for task in tasks:
        task.result()
    # all its state is in etcd, and a graceful end would wait up to a minute for open watches
    end("kube-apiserver", signal.SIGKILL)
    end("etcd", signal.SIGTERM)
    network.delete(stack.network)
