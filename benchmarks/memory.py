"""Finds the highest memory use of a process and all its descendants."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
PAUSE_SECONDS = 0.05
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Peak:
    """The highest sum over the processes of a tree."""

    rss_bytes: int = 0
    """Resident memory; pages that two processes share count twice, or not at all if private."""


@contextmanager
def watched(pid: int, *, private: bool = False) -> Iterator[Peak]:
    """Watch a process's tree for as long as the block takes.

    Private memory is what no file or other process shares: a server's without its shared buffers.
    """
    peak, ended = Peak(), threading.Event()

    def watch() -> None:
        while True:
            found = sum(_rss(process, private=private) for process in _tree(pid))
            peak.rss_bytes = max(peak.rss_bytes, found)
            if ended.wait(PAUSE_SECONDS):
                break

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        ended.set()
        thread.join()


def _tree(pid: int) -> Iterator[int]:
    yield pid
    try:
        children = [
            int(child)
            for thread in (PROC / str(pid) / "task").iterdir()
            for child in _read(thread / "children").split()
        ]
    except OSError:
        return
    for child in children:
        yield from _tree(child)


def _rss(pid: int, *, private: bool) -> int:
    fields = _read(PROC / str(pid) / "statm").split()
    if not fields:
        return 0
    _, resident, shared, *_ = map(int, fields)
    return (resident - shared if private else resident) * PAGE_BYTES


def _read(path: Path) -> str:
    """Return a file of a process, or nothing when the process has ended meanwhile."""
    try:
        return path.read_text()
    except OSError:
        return ""
