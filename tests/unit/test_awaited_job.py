from types import SimpleNamespace as Object
from typing import Any

import pulumi
import pytest

from components.clients import kubernetes
from components.jobs import pods as job_pods
from components.jobs import start as job_start
from components.jobs.awaited_job import Watch
from tests.support.failures import compare_line
from tests.unit.test_manifests import TEMPLATE

PROVIDER = "[BackoffLimitExceeded] Job has reached the specified backoff limit"
DEADLINE = "[DeadlineExceeded] Job was active longer than specified deadline"


@pytest.fixture
def explained(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let a Job fail; return what is said of it."""
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "error", said.append)
    monkeypatch.setattr(kubernetes, "connect", lambda _: None)

    def explain(
        *told: str, pods: Any = (), seen: tuple[str, ...] = (), ended: bool = False
    ) -> list[str]:
        def failures(*_: Any, main: bool) -> list[str]:
            assert not main
            if isinstance(pods, Exception):
                raise pods
            return list(pods)

        thread: Any = Object(reasons=list(seen), ended=ended, start=lambda: None)
        monkeypatch.setattr(job_start, "JobStart", lambda *_: thread)
        monkeypatch.setattr(job_pods, "failures", failures)
        watch = Watch("job", TEMPLATE)
        arguments: Any = Object(errors=[*told])
        watch.begin(arguments)
        assert watch.explain(arguments) is False
        return [text.removeprefix(f"Job {TEMPLATE.namespace}/job: ") for text in said]

    return explain


def test_an_init_container_has_its_say(explained: Any) -> None:
    assert explained(PROVIDER, pods=["vault-init: no role"]) == ["vault-init: no role"]


def test_nothing_is_added_to_what_the_provider_knows(explained: Any) -> None:
    assert explained("[Pod x]: [Error] refused", PROVIDER) == []


def test_a_job_that_was_ended_gives_the_reason_seen_before(explained: Any) -> None:
    assert explained(DEADLINE, seen=("no pod is made, FailedCreate: quota",), ended=True) == [
        "no pod is made, FailedCreate: quota; no pod started within startSeconds, 45 s"
    ]


def test_the_words_of_the_provider_are_not_repeated(explained: Any) -> None:
    waits = "container migrate waits, ErrImagePull: not found"

    said = explained(f"[migrate][ErrImagePull] not found; {DEADLINE}", seen=(waits,), ended=True)

    assert said == ["no pod started within startSeconds, 45 s"]


def test_a_deadline_tells_what_was_seen_last_or_that_it_was_too_short(explained: Any) -> None:
    assert explained(DEADLINE, seen=("no node",)) == ["no node"]
    (outlasted,) = explained(DEADLINE)[1:]
    assert outlasted == "still at work after timeoutSeconds, 600 s; raise it"
    compare_line("out of time", outlasted, "still at work")


def test_pods_that_cannot_be_read_do_not_hide_the_failure(explained: Any) -> None:
    assert explained(PROVIDER, pods=OSError("away")) == ["its pods cannot be read: away"]
