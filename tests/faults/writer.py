"""Live traffic: a writer that never pauses while a migration is under way."""

import threading
from typing import Self

from tests.support.faulty_server import FaultyServer
from tests.support.postgres import Database

# Takes the locks that an insertion takes and leaves the rows as they were.
WRITE = (
    "UPDATE checkpoint_writes SET blob = blob WHERE thread_id = md5('1') AND checkpoint_id = '{}'"
)


class Writer:
    """Writes in transactions of one statement until the end of the block."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self.pid = 0
        self.writes = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    def _write(self) -> None:
        with self._database.connect() as session:
            self.pid = session.info.backend_pid
            while not self._ending.wait(0.002):
                session.execute(WRITE.format(10 + self.writes % 10).encode())
                self.writes += 1

    def assert_never_stalled(self, server: FaultyServer) -> None:
        """Prove by the server's log that it never waited for a lock longer than deadlock_timeout.

        A clock on this side would also measure how busy the machine is.
        """
        assert self.writes > 0
        assert f"process {self.pid} still waiting" not in server.log
