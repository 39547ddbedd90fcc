"""Describes the machine and the versions of what ran on it; nothing that identifies it."""

import json
import os
import platform
import re
from pathlib import Path

from benchmarks import tools as peers
from benchmarks.rounds import progress
from devstack import processes, toolchain
from devstack.layout import POSTGRESQL_BIN


def describe() -> dict[str, str]:
    """Return what a reader needs to judge the seconds."""
    tools = toolchain.ensure(progress).bin
    kubernetes = json.loads(processes.run(tools / "kubectl", "version", "--client", "-o", "json"))
    return {
        "machine": machine_class(),
        "CPU": _cpu_model(),
        "kernel": platform.release().partition("-")[0],
        "PostgreSQL": _version(POSTGRESQL_BIN / "postgres", "--version"),
        "Kubernetes": kubernetes["clientVersion"]["gitVersion"].lstrip("v"),
        "OpenBao": _version(tools / "bao", "version"),
        "Pulumi": _version(tools / "pulumi", "version"),
        "Python": platform.python_version(),
        **peers.versions(),
    }


def machine_class() -> str:
    """Return cores and memory: results of one class may be compared."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{os.cpu_count()} cores, {round(memory / (1 << 30))} GiB"


def _cpu_model() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _version(*command: str | Path) -> str:
    found = re.search(r"\d+\.\d+[\w.]*", processes.run(*command))
    return found[0] if found else "unknown"
