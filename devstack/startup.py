"""What the parts of a stack share while it starts."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from devstack import processes
from devstack.errors import StackError
from devstack.layout import Stack
from devstack.waiting import wait_until


@dataclass(frozen=True)
class Startup:
    """One start of a stack; setting `cancelled` ends all its waits."""

    stack: Stack
    report: Callable[[str], None]
    cancelled: threading.Event = field(default_factory=threading.Event)

    def start(self, part: str, argv: Sequence[str], **environment: str) -> None:
        """Start the process of a part unless it runs already."""
        if not self.running(part):
            processes.start(
                self.stack.records / part,
                argv,
                log=self.stack.logs / f"{part}.log",
                environment=environment,
            )

    def running(self, part: str) -> bool:
        """Tell whether the process of a part runs."""
        return processes.running(self.stack.records / part) is not None

    def wait(
        self, part: str, condition: Callable[[], bool], expected: str, *, seconds: float = 60
    ) -> None:
        """Wait for a condition, and give up as soon as the part's process ends."""

        def checked() -> bool:
            if condition():
                return True
            if not self.running(part):
                raise StackError(self._ended(part))
            return False

        wait_until(checked, expected, seconds=seconds, cancelled=self.cancelled)

    def _ended(self, part: str) -> str:
        log = self.stack.logs / f"{part}.log"
        lines = log.read_text(errors="replace").split("\n") if log.exists() else []
        last = next((line for line in reversed(lines) if line.strip()), "nothing")
        return f"expected {part} to keep running, it ended and last said {last!r}: see {log}"
