"""Faults of an API server that pass: it is away, restarts, or is too busy to answer."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http import HTTPStatus
from typing import TypeVar

from httpx2 import HTTPError, HTTPStatusError, TransportError
from lightkube import ApiError

Answer = TypeVar("Answer")

# A restart of one of several API servers, or a full priority level, is over by then.
INSIST_SECONDS = 20
PAUSE_SECONDS = 1
PASSING = {
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}


def passes(error: HTTPError) -> bool:
    """Tell whether the same request may succeed a moment later."""
    if isinstance(error, ApiError):
        return error.status.code in PASSING
    # A load balancer before the API server answers in HTML.
    if isinstance(error, HTTPStatusError):
        return error.response.status_code in PASSING
    return isinstance(error, TransportError)


@contextmanager
def passing() -> Generator[None]:
    """Let such a fault pass for an API server that said nothing."""
    try:
        yield
    except HTTPError as error:
        if not passes(error):
            raise


def insist(request: Callable[[], Answer]) -> Answer:
    """Return what the request returns, and make it again while such a fault lasts, up to 20 s."""
    deadline = time.monotonic() + INSIST_SECONDS
    while True:
        try:
            return request()
        except HTTPError as error:
            if not passes(error) or time.monotonic() > deadline:
                raise
        time.sleep(PAUSE_SECONDS)
