"""Lets one process at a time change a stack."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def locked(path: Path, report: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of this path; the kernel frees the lock of a killed process."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    while True:
        with path.open("w") as handle:
            _wait(handle, report)
            if _is_at(handle, path):
                yield
                return


def _wait(handle: TextIO, report: Callable[[str], None]) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        report("waiting for another devstack command to end")
        fcntl.flock(handle, fcntl.LOCK_EX)


def _is_at(handle: TextIO, path: Path) -> bool:
    """Tell whether the file is still the one of the path: its last holder may have removed it."""
    try:
        return os.path.samestat(os.fstat(handle.fileno()), path.stat())
    except FileNotFoundError:
        return False
