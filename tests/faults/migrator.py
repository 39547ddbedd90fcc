"""Runs migrate.sh in a process group of its own while a test watches what it prints."""

import os
import signal
import threading
import time
from collections.abc import Callable
from subprocess import PIPE, STDOUT, Popen

from tests.scripts.conftest import ROOT, Container
from tests.support.postgres import SUPERUSER, Database

PATIENCE = 30


def wait_until(condition: Callable[[], object], patience: float = PATIENCE) -> None:
    """Wait until something holds; fail when it does not in time."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, "waited too long for what never happened"
        time.sleep(0.01)


class Run:
    """A migration at work: its process and the lines it has printed so far."""

    def __init__(self, process: Popen[str]) -> None:
        self._process = process
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout
        with self._process.stdout as stdout:
            for line in stdout:
                self._lines.append(line)

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    @property
    def output(self) -> str:
        return "".join(self._lines)

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Wait until something holds, which must be before the migration ends."""
        try:
            # What held once need not hold when asked again.
            held: list[object] = []
            wait_until(lambda: held.append(condition()) or held[-1] or self.ended)
            assert held[-1] or condition()
        except AssertionError as error:
            error.add_note(self.output)
            raise

    def wait_for(self, words: str) -> None:
        """Wait until the migration has printed some words."""
        self.wait_until(lambda: words in self.output)

    def terminate(self) -> None:
        """Send the signal that Kubernetes sends to the first process of a container."""
        self._process.terminate()

    def kill(self) -> None:
        """End all processes at once, as the kernel ends a container."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    def finish(self) -> int:
        """Wait for the end and return the exit status."""
        status = self._process.wait(timeout=PATIENCE)
        self._reader.join(timeout=PATIENCE)
        return status


class Migrator(Container):
    """A container that runs migrate.sh up, again and again if need be."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.runs: list[Run] = []

    def use(self, database: Database, port: int | None = None, user: str = SUPERUSER) -> None:
        """Migrate a database, by way of a proxy's port if given; without TLS it can read along."""
        self.database = database
        self.write_service(
            host="127.0.0.1",
            port=port or database.server.port,
            user=user,
            sslmode="disable",
            gssencmode="disable",
        )

    def begin(self, **environment: str) -> Run:
        """Start a migration; any number may be at work in the same container."""
        process = Popen(
            [self.programs / "ash", ROOT / "components" / "schema" / "migrate.sh", "up"],
            env={
                "PATH": str(self.programs),
                "CREDENTIALS_DIR": str(self.credentials),
                "MIGRATIONS_DIR": str(ROOT / "migrations"),
                "TERMINATION_LOG": str(self.termination_log),
                "TMPDIR": str(self.temporary),
                **self.environment,
                **environment,
            },
            stdout=PIPE,
            stderr=STDOUT,
            text=True,
            start_new_session=True,
        )
        self.runs.append(Run(process))
        return self.runs[-1]

    def end(self) -> None:
        """Kill what is still at work."""
        for run in self.runs:
            run.kill()
            run.finish()

    def migrate(self, **environment: str) -> tuple[int, str]:
        """Run a migration to its end and return exit status and output."""
        run = self.begin(**environment)
        return run.finish(), run.output
