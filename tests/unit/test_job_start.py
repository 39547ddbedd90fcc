from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace as Object
from typing import Any

import pytest
from httpx2 import TransportError

from components.jobs import start as job_start
from components.jobs.start import JobStart
from tests.unit.test_manifests import TEMPLATE

Look = Callable[[JobStart], None]


class Cluster:
    """What the thread sees, one look after the other, and what it does."""

    def __init__(self) -> None:
        self.looks: list[Any] = []
        self.patches: list[Any] = []
        self.seconds = 0.0

    def get(self, *_: Any, **__: Any) -> Object:
        if isinstance(self.looks[0], Exception):
            raise self.looks.pop(0)
        done = self.looks[0] == "Complete"
        conditions = [Object(type="Complete", status="True")] if done else None
        return Object(status=Object(conditions=conditions))

    def obstacles(self, *_: Any) -> list[str]:
        return self.looks.pop(0)

    def patch(self, *_: Any, **__: Any) -> None:
        self.patches.append(_)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    cluster = Cluster()
    monkeypatch.setattr(job_start, "connect", lambda _: cluster)
    monkeypatch.setattr(job_start, "obstacles", cluster.obstacles)
    monkeypatch.setattr(job_start, "node_on_its_way", lambda *_: False)
    clock = Object(monotonic=lambda: cluster.seconds, sleep=cluster.sleep)
    monkeypatch.setattr(job_start, "time", clock)
    return cluster


def watch(seconds: int) -> JobStart:
    start = JobStart("job", replace(TEMPLATE, start_seconds=seconds))
    start.run()
    return start


def test_a_job_that_is_stuck_for_long_enough_is_ended_and_its_reason_kept(
    cluster: Cluster,
) -> None:
    cluster.looks = [["no node"]] * 4

    start = watch(3)

    assert (start.ended, start.reasons) == (True, ["no node"])
    assert cluster.patches[0][2] == {"spec": {"activeDeadlineSeconds": 1}}


def test_trouble_that_passes_begins_the_count_anew(cluster: Cluster) -> None:
    cluster.looks = [["no image"], ["no image"], [], ["no image"], ["no image"], [], "Complete"]

    start = watch(2)

    assert (start.ended, cluster.patches) == (False, [])


def test_a_cluster_that_is_away_ends_nothing_and_the_count_goes_on(cluster: Cluster) -> None:
    away = TransportError("away")
    cluster.looks = [["no node"], away, away, ["no node"], "Complete"]

    assert watch(60).ended is False
    cluster.looks = [["no node"], away, away, ["no node"]]
    assert watch(3).ended is True


def test_a_node_on_its_way_is_waited_for(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_start, "node_on_its_way", lambda *_: True)
    cluster.looks = [["no node"]] * 5 + ["Complete"]

    start = watch(2)

    assert (start.ended, start.reasons) == (False, ["no node"])
