"""Tells how far a build is: packages compiled, of how many, and how long it may still take."""

import json
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

from devstack import cache

INTERVAL = 30
_BAR = 24
# A build of fewer packages is mostly its link, and tells nothing of a long one.
_ENOUGH = 50


class Speed:
    """How many packages this machine compiles in a second, as its builds so far have shown."""

    def __init__(self) -> None:
        self._file = cache.root() / "packages-per-second"

    def read(self) -> float | None:
        """Return what was learned, or nothing before the first build."""
        try:
            return float(json.loads(self._file.read_text())) or None
        except (OSError, ValueError):
            return None

    def learn(self, packages: int, seconds: float) -> None:
        """Count in a build of some length; half of what was known stays, as builds differ."""
        if packages < _ENOUGH:
            return
        now = packages / seconds
        before = self.read()
        self._file.write_text(json.dumps(now if before is None else (now + before) / 2))


@dataclass
class Progress:
    """One build: `done` is counted up for each package that is compiled."""

    total: int
    report: Callable[[str], None]
    speed: Speed
    stream: TextIO = field(default_factory=lambda: sys.stderr)
    clock: Callable[[], float] = time.monotonic
    done: int = 0
    seconds: float = 0

    def __post_init__(self) -> None:
        """Start the clock."""
        self._began = self._said = self.clock()
        self._live = self.stream.isatty()

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the progress each second until the build ends, and learn from one that succeeds."""
        ended = threading.Event()

        def show() -> None:
            while not ended.wait(1):
                self.tick()

        shower = threading.Thread(target=show, daemon=True)
        shower.start()
        try:
            yield
        finally:
            ended.set()
            shower.join()
            self._clear()
        self.seconds = self.clock() - self._began
        self.speed.learn(self.done, self.seconds)

    def tick(self) -> None:
        """Draw the bar on a terminal, or say a line if none was said for half a minute."""
        now = self.clock()
        if self._live:
            width = shutil.get_terminal_size().columns - 1
            self.stream.write(f"\r{self.text()[:width]:<{width}}")
            self.stream.flush()
        elif now - self._said >= INTERVAL:
            self._said = now
            self.report(self.text())

    def text(self) -> str:
        """Return how far the build is, with a bar on a terminal."""
        filled = _BAR * self.done // max(self.total, 1)
        bar = f"[{'#' * filled:<{_BAR}}] " if self._live else ""
        return f"  {bar}{self.done} of {self.total} packages{self._left()}"

    def _left(self) -> str:
        if self.done >= self.total:
            return ", linking"
        spent = self.clock() - self._began
        # The first packages are not like the rest: what earlier builds have shown says more.
        fresh = self.done / spent if self.done >= self.total / 10 and spent > 0 else None
        rate = fresh or self.speed.read()
        return f", about {in_words((self.total - self.done) / rate)} left" if rate else ""

    def _clear(self) -> None:
        if self._live:
            self.stream.write("\r\x1b[K")
            self.stream.flush()


def in_words(seconds: float) -> str:
    """Return a rough duration."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
