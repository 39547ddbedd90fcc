"""Waits for conditions with a deadline."""

import threading
import time
from collections.abc import Callable

from devstack.errors import StackError

_PAUSE_SECONDS = 0.05


class Cancelled(Exception):
    """Another part failed or the user gave up, so this wait is over."""


def wait_until(
    condition: Callable[[], bool],
    expected: str,
    *,
    seconds: float,
    cancelled: threading.Event | None = None,
) -> None:
    """Return once the condition holds.

    Raises:
        StackError: the condition did not hold in time.
        Cancelled: the event was set meanwhile.
    """
    stop = cancelled or threading.Event()
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            message = (
                f"expected {expected} within {seconds:g} s, it did not happen: "
                "see `python3 -m devstack logs`, then run up again"
            )
            raise StackError(message)
        if stop.wait(_PAUSE_SECONDS):
            raise Cancelled
