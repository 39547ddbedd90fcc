"""Runs one command to its end and tells what it took."""

import os
import resource
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import BenchmarkError
from benchmarks.memory import Peak, watched


@dataclass(frozen=True)
class Run:
    """What one run of a command took."""

    seconds: float
    cpu_seconds: float
    """User and system time of the command and of every descendant that was waited for."""
    mark_seconds: float
    """When the first line with the mark was printed; the whole time if there was none."""
    memory: Peak


def run(
    *command: str | Path,
    environ: Mapping[str, str],
    folder: Path | None = None,
    mark: str | None = None,
    sample_memory: bool = False,
) -> Run:
    """Run a command; only a successful run has a result.

    Raises:
        BenchmarkError: with the command's last lines, when it failed.
    """
    cpu, start, marked = _cpu_of_children(), time.monotonic(), 0.0
    lines: list[str] = []
    # A session of its own: an interrupt reaches this process, which then ends the command.
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=_environment(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    watch = watched(process.pid) if sample_memory else nullcontext(Peak())
    with process, watch as peak:
        try:
            for line in process.stdout or ():
                lines.append(line)
                if mark and not marked and mark in line:
                    marked = time.monotonic() - start
            process.wait()
        except BaseException:
            _end(process)
            raise
    seconds = time.monotonic() - start
    if process.returncode:
        message = f"{' '.join(map(str, command))} ended with {process.returncode}:\n"
        raise BenchmarkError(message + "".join(lines[-30:]))
    return Run(seconds, _cpu_of_children() - cpu, marked or seconds, peak)


def python_environment() -> dict[str, str]:
    """Return this process's variables without those that change how Python starts.

    Without compiled modules every start of Python would compile them again.
    """
    return {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    return python_environment() | dict(environ)


def _cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _end(process: subprocess.Popen[str]) -> None:
    """Ask the command to clean up behind itself; end it if it does not."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
