import json
from types import SimpleNamespace as Object

import httpx2
import pytest

from components.jobs.watch import await_change

JOB = Object(metadata=Object(name="job", namespace="ns", resourceVersion="7"))
EVENT = json.dumps({"type": "MODIFIED", "object": {"kind": "Job"}}) + "\n"


@pytest.mark.parametrize(("status", "watched"), [(200, True), (403, False), (503, False)])
def test_a_job_is_watched_from_the_version_that_was_read(status: int, watched: bool) -> None:
    asked: list[httpx2.URL] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url)
        return httpx2.Response(status, text=EVENT)

    transport = httpx2.MockTransport(answer)
    with httpx2.Client(transport=transport, base_url="https://api") as http:
        assert await_change(http, JOB, 2) is watched

    assert asked[0].path == "/apis/batch/v1/namespaces/ns/jobs"
    assert dict(asked[0].params) == {
        "watch": "true",
        "fieldSelector": "metadata.name=job",
        "resourceVersion": "7",
        "timeoutSeconds": "2",
    }
