"""A throw-away PostgreSQL server that can be crashed, and one whose disks can fill up."""

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.postgres import Server


class FaultyServer(Server):
    """A server that restarts on demand and remembers what it logged."""

    def restart(self, number: signal.Signals) -> None:
        """Stop with SIGINT, which is fast, or SIGQUIT, which leaves a crash behind, and start."""
        self.end(number)
        self.start()

    def end(self, number: signal.Signals) -> None:
        """Stop the server by a signal."""
        assert self._process
        self._process.send_signal(number)
        self._process.wait(timeout=30)

    def create_tablespace(self, name: str, folder: Path) -> None:
        """Make a tablespace in a new folder."""
        folder.mkdir()
        self._give_to_server(folder)
        self.execute(f"CREATE TABLESPACE {name} LOCATION '{folder}'")

    def recover_slowly(self) -> Path:
        """Let the next start, of a stopped server, last until the returned file exists."""
        data, go_on = self.root / "data", self.root / "go-on"
        (data / "recovery.signal").touch()
        with (data / "postgresql.conf").open("a") as conf:
            conf.write(f"restore_command = 'until [ -e {go_on} ]; do sleep 0.05; done; false'\n")
        return go_on

    @property
    def log(self) -> str:
        """Return all that the server has logged."""
        return (self.root / "log").read_text()

    def deadlocks(self) -> list[set[int]]:
        """Return the processes of each deadlock that the log tells of."""
        circles = re.findall(r"ERROR:  deadlock detected\n.*((?:.*waits for.*\n)+)", self.log)
        return [{int(pid) for pid in re.findall(r"rocess (\d+)", text)} for text in circles]


@dataclass
class Standby(FaultyServer):
    """A streaming replica of another server, until it is promoted."""

    primary: Server = field(kw_only=True)

    def promote(self) -> None:
        """Make it a primary and wait until it is one."""
        self.execute("SELECT pg_promote()")

    def _initdb(self) -> None:
        self._give_to_server(self.root)
        subprocess.run(
            [*self._run_as_server, str(self.programs / "pg_basebackup"), "--write-recovery-conf",
             "--checkpoint=fast", "--no-sync", f"--dbname={self.primary.conninfo()}",
             f"--pgdata={self.root / 'data'}"],
            cwd=self.root, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        with (self.root / "data" / "postgresql.conf").open("a") as conf:
            conf.write(f"port = {self.port}\nunix_socket_directories = '{self.root}'\n")


@contextmanager
def small_disk(path: Path, megabytes: int) -> Iterator[None]:
    """Mount a file system of a fixed size at a path."""
    options = f"size={megabytes}m,mode=0777"
    subprocess.run(["mount", "--types=tmpfs", "--options", options, "tmpfs", path], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


def fill(path: Path, kilobytes_left: int) -> Path:
    """Fill a small disk up to some kilobytes and return the file that does."""
    ballast = path / "ballast"
    free = shutil.disk_usage(path).free - kilobytes_left * 1024
    subprocess.run(["fallocate", "--length", str(free), ballast], check=True)
    return ballast
