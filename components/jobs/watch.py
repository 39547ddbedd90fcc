"""Waits for the next change of a Job: lightkube's own watch goes on until there is one."""

from typing import Any

import httpx2

# Beyond the server's own limit, for an answer that is under way.
GRACE_SECONDS = 5


def await_change(http: httpx2.Client, job: Any, seconds: int) -> bool:
    """Return at the next change of the Job as it was read, at the latest after `seconds`.

    Returns whether the API server was watched: it may be away, or not let a Job be watched.

    Raises:
        HTTPError: the API server does not answer.

    """
    metadata = job.metadata
    watch = {
        "watch": "true",
        "fieldSelector": f"metadata.name={metadata.name}",
        "resourceVersion": metadata.resourceVersion,
        "timeoutSeconds": seconds,
    }
    path = f"/apis/batch/v1/namespaces/{metadata.namespace}/jobs"
    with http.stream("GET", path, params=watch, timeout=seconds + GRACE_SECONDS) as events:
        if events.is_success:
            next(events.iter_lines(), None)
        return events.is_success
