"""Folders outside the work tree that are either complete or absent, however a build ends."""

import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

# Each edit of a source gives a folder another digest, and a set of images has half a gigabyte.
# Enough for the work trees and branches that somebody goes to and fro between.
KEPT_OF_A_KIND = 6
_NAME = re.compile(r"(?P<kind>.+)-[0-9a-f]{16}")


def root() -> Path:
    """Return the folder that holds everything the dev stack builds and keeps."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "langgraph-checkpoint"


def digest(parts: Iterable[str | bytes]) -> str:
    """Return a short name for what something is built from."""
    whole = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        # The length keeps ("ab", "c") and ("a", "bc") apart.
        whole.update(f"{len(data)}:".encode() + data)
    return whole.hexdigest()[:16]


def folder(name: str, fill: Callable[[Path], None], waiting: Callable[[], None]) -> Path:
    """Return the cache's folder `name`; `fill` makes its content when it is not there yet.

    Two processes may ask at once: one fills, the other calls `waiting` and then waits. The
    content appears by one rename, so a killed process leaves nothing under the final name.
    Of the folders whose names differ in their digest alone, the six that were asked for last stay;
    who still uses a seventh loses it.
    """
    final = root() / name
    if _mark_as_used(final):
        return final
    root().mkdir(parents=True, exist_ok=True)
    with _lock(name, waiting):
        if not _mark_as_used(final):
            _fill(final, fill)
            _mark_as_used(final)
            _remove_least_used(final)
    return final


def _fill(final: Path, fill: Callable[[Path], None]) -> None:
    for leftover in final.parent.glob(f"{_unfinished(final)}*"):
        shutil.rmtree(leftover)
    scratch = Path(tempfile.mkdtemp(prefix=_unfinished(final), dir=final.parent))
    try:
        fill(scratch)
        scratch.chmod(0o755)
        scratch.rename(final)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _unfinished(final: Path) -> str:
    return f".{final.name}."


def _mark_as_used(final: Path) -> bool:
    """Note that a folder was asked for; tell whether it is there."""
    try:
        os.utime(final)
    except FileNotFoundError:
        return False
    return True


def _remove_least_used(newest: Path) -> None:
    kind = _kind(newest)
    with _lock("removal", lambda: None):
        others = [path for path in root().iterdir() if kind and _kind(path) == kind]
        others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for unused in others[KEPT_OF_A_KIND:]:
            # By one rename too, to a name that the next build of this folder sweeps away.
            doomed = Path(tempfile.mkdtemp(prefix=_unfinished(unused), dir=root()))
            unused.rename(doomed / unused.name)
            shutil.rmtree(doomed, ignore_errors=True)


def _kind(path: Path) -> str | None:
    name = _NAME.fullmatch(path.name)
    return name["kind"] if name and path.is_dir() else None


@contextmanager
def _lock(name: str, waiting: Callable[[], None]) -> Iterator[None]:
    # The kernel drops the lock when its holder ends, so a killed build blocks nobody. The file
    # itself stays: removing it would let a third process lock a new file of the same name.
    with (root() / f"{name}.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
