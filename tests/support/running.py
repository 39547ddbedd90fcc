"""A pulumi command under way, to be watched and interrupted by the test that started it."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.deployment import Deployment, Outcome


class Running:
    """A pulumi command in a session of its own, as a terminal would start it."""

    def __init__(self, deployment: Deployment, *arguments: str) -> None:
        self._process = subprocess.Popen(
            ["pulumi", *arguments, "--non-interactive", "--stack", deployment.stack],
            cwd=deployment.folder,
            env=deployment.environ | deployment.deployer,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.pid = self._process.pid
        self._lines: list[str] = []
        self._news = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            with self._news:
                self._lines.append(line)
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    @property
    def text(self) -> str:
        """What it has said up to now."""
        return "".join(self._lines)

    def wait_for(self, *words: str) -> None:
        """Wait until it says all the words in one line; fail when it ends before."""

        def said() -> bool:
            return any(all(word in line for word in words) for line in self._lines)

        with self._news:
            assert self._news.wait_for(lambda: said() or self._ended, 120), self.text
        assert said(), self.text

    def wait_for_steps(self, count: int) -> None:
        """Wait until that many steps have begun, or until it ends with fewer."""

        def begun() -> int:
            return sum(line.endswith("ing (0s) \n") for line in self._lines)

        with self._news:
            self._news.wait_for(lambda: begun() >= count or self._ended, 120)

    def kill(self) -> None:
        """Kill the engine, as the kernel would when memory is short; its plugins live on."""
        os.kill(self.pid, signal.SIGKILL)
        self._process.wait()

    def interrupt(self) -> None:
        """Send what Ctrl-C sends: SIGINT to the engine's group, which its plugins are not in."""
        os.killpg(self.pid, signal.SIGINT)

    def result(self) -> Outcome:
        """Wait for its end."""
        self._process.wait(300)
        self.end()
        return Outcome(self._process.returncode, self.text)

    def end(self) -> None:
        """End what is left of it and of all it started."""
        for pid in self._session():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(10)
        self._reader.join(10)
        if self._process.stdout:
            self._process.stdout.close()

    def _session(self) -> Iterator[int]:
        """Give the pids of its session; each plugin is a process group of its own."""
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(FileNotFoundError, ProcessLookupError):
                if int(stat.read_text().rpartition(")")[2].split()[3]) == self.pid:
                    yield int(stat.parent.name)


@contextmanager
def running(deployment: Deployment, *arguments: str) -> Iterator[Running]:
    """Start a pulumi command; nothing of it outlives the block."""
    command = Running(deployment, *arguments)
    try:
        yield command
    finally:
        command.end()
