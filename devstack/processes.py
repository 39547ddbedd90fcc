"""Starts, finds and stops the stack's own processes by pid and start time."""

import os
import select
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from devstack.errors import StackError

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# the caller's own variables stay out: a shell's PGSSLMODE or CONTAINERD_ADDRESS changes results
_ENVIRONMENT = {"PATH": SYSTEM_PATH, "HOME": "/root", "LANG": "C.UTF-8"}
_WHEN_RECORDED = str(Path(__file__).with_name("scripts") / "when-recorded.sh")
_INHERITED_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)


@dataclass(frozen=True)
class Process:
    """One process, told from a later one with the same pid by its start time."""

    pid: int
    start_time: int

    def alive(self) -> bool:
        """Tell whether it still runs; a zombie has ended, once its last thread has."""
        found = _stat(self.pid)
        if found is None or found[1] != self.start_time:
            return False
        return found[0] not in "ZX" or _has_threads(self.pid)

    def signal(self, number: int, *, seconds: float) -> bool:
        """Send a signal and tell whether the process ended in the given time."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return True
        try:
            if self.alive():
                signal.pidfd_send_signal(descriptor, number)
                select.select([descriptor], [], [], seconds)
        finally:
            os.close(descriptor)
        return not self.alive()


def _has_threads(pid: int) -> bool:
    # The first thread can be a zombie while others still hold the program's sockets.
    try:
        return len(list(Path(f"/proc/{pid}/task").iterdir())) > 1
    except FileNotFoundError:
        return False


def itself() -> Process:
    """Return the calling process as `/proc` numbers it."""
    pid = int(Path("/proc/self").readlink().name)
    found = _stat(pid)
    if found is None:
        message = "expected /proc to list the calling process: mount proc there"
        raise StackError(message)
    return Process(pid, found[1])


def record(path: Path, process: Process) -> None:
    """Write down a process that was started."""
    draft = path.with_suffix(".draft")
    draft.write_text(f"{process.pid} {process.start_time} {_boot()}\n")
    draft.replace(path)


def recorded(path: Path) -> Process | None:
    """Return the process of a record, running or not."""
    try:
        pid, start_time, boot = path.read_text().split()
    except FileNotFoundError:
        return None
    # start times count from the machine's start, so those of an earlier one mean nothing
    return Process(int(pid), int(start_time)) if boot == _boot() else None


def running(path: Path) -> Process | None:
    """Return the process of a record if it still runs."""
    process = recorded(path)
    return process if process and process.alive() else None


def run(*argv: str | Path) -> str:
    """Run a program to its end and return its output.

    Raises:
        StackError: the program failed.
    """
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=_ENVIRONMENT)
    if done.returncode:
        command = " ".join(map(str, argv))
        message = f"expected `{command}` to work, found: {done.stderr.strip() or done.returncode}"
        raise StackError(message)
    return done.stdout


@contextmanager
def background(*argv: str | Path, log: Path) -> Iterator[None]:
    """Run a program for as long as the block takes; it ends with the calling thread too."""
    with log.open("w") as output:
        child = subprocess.Popen(
            ["setpriv", "--pdeathsig=KILL", "--", *argv],
            stdout=output,
            stderr=output,
            env=_ENVIRONMENT,
        )
        try:
            yield
        finally:
            child.terminate()
            child.wait()


def spawn(
    argv: Sequence[str], *, log: Path, environment: dict[str, str], stdin: int | None = None
) -> int:
    """Start a program in a session of its own; the log of its previous run is kept."""
    if log.exists():
        log.replace(log.with_suffix(".previous.log"))
    nothing = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
    return os.posix_spawnp(
        argv[0],
        list(argv),
        _ENVIRONMENT | environment,
        file_actions=[
            nothing if stdin is None else (os.POSIX_SPAWN_DUP2, stdin, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=(),
        setsigdef=_INHERITED_SIGNALS,
    )


def start(path: Path, argv: Sequence[str], *, log: Path, environment: dict[str, str]) -> None:
    """Start a program in a session of its own and record it before it does anything."""
    reader, writer = os.pipe()
    with os.fdopen(reader), os.fdopen(writer, "w") as go:
        pid = spawn([_WHEN_RECORDED, *argv], log=log, environment=environment, stdin=reader)
        found = _stat(pid)
        record(path, Process(pid, found[1] if found else 0))
        go.write("go\n")


def stop(path: Path, *signals: int, seconds: float = 10) -> None:
    """End a recorded process with the first of the signals that does, and forget it."""
    process = recorded(path)
    if process is None:
        return
    for number in signals:
        if process.signal(number, seconds=seconds):
            break
    else:
        message = f"expected process {process.pid} ({path.name}) to end, it still runs: end it"
        raise StackError(message)
    with suppress(ChildProcessError):
        os.waitpid(process.pid, os.WNOHANG)
    path.unlink(missing_ok=True)


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _stat(pid: int) -> tuple[str, int] | None:
    """Return the state letter and the start time of a pid, see proc(5)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    return fields[0], int(fields[19])
