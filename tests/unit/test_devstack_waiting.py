"""Waits end with their condition, with their deadline, or when they are cancelled."""

import threading
from itertools import count

import pytest

from devstack.errors import StackError
from devstack.waiting import Cancelled, wait_until


def test_a_wait_ends_when_the_condition_holds() -> None:
    calls = count()

    wait_until(lambda: next(calls) == 3, "the third call", seconds=10)

    assert next(calls) == 4


def test_a_wait_that_takes_too_long_says_what_was_expected() -> None:
    with pytest.raises(StackError, match=r"expected a wonder within 0\.1 s"):
        wait_until(lambda: False, "a wonder", seconds=0.1)


def test_a_cancelled_wait_ends_at_once() -> None:
    cancelled = threading.Event()
    cancelled.set()

    with pytest.raises(Cancelled):
        wait_until(lambda: False, "a wonder", seconds=60, cancelled=cancelled)
