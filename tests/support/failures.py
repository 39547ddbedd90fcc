"""Breaks something, runs `pulumi up` and compares what it says with docs/failures.md."""

import itertools
import os
import re
from datetime import UTC, datetime
from typing import Any

from tests.support.causes import CAUSES
from tests.support.deployment import Deployment
from tests.support.migration_files import NUMBER
from tests.support.pods import Pods
from tools.failure_table import Recording, record, recordings

MIGRATION = f"agent-executor-migration-{NUMBER}"
START_SECONDS = 5
# A Job whose timeout is another one runs again, whatever its last run said.
TIMEOUTS = itertools.count(30)
SENTENCES = (
    re.compile(r"error: Job \S+: (?:container \S+ ended with \d+: )?(.*)"),
    # The provider's own report of a main container.
    re.compile(r"\* \[Pod \S+\]: (?:containers with unready status: \[\w+\])?\[Err\w+\] (.*)"),
)
# What differs from run to run, and what stands for it.
VARYING = (
    (r"\b\d{19}\b", "SYSTEM-IDENTIFIER"),
    (r"\b[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\b", "CLUSTER-ID"),
    (r"\b[\da-f]{16}\b", "OWNER-ID"),
    (r"\d+\.\d+\.\d+\.\d+:\d+", "ADDRESS:PORT"),
    (r"\d+\.\d+\.\d+\.\d+", "ADDRESS"),
    (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME"),
    (r"\b[A-Z][a-z]{2} +\d+ \d\d:\d\d\b", "DATE"),
    (r"process \d+|pid \d+", "process N"),
    (rf"-{NUMBER}-[a-z0-9]{{5}}\b", f"-{NUMBER}-xxxxx"),
    (r"\b\d+ (s|attempts?)\b", r"N \1"),
    (r"attempts?", "attempts"),
)


def steady(text: str) -> str:
    """Return a sentence without what differs from run to run."""
    for pattern, substitute in VARYING:
        text = re.sub(pattern, substitute, text)
    return text.strip()


def fail(dev: Deployment, cause: str) -> None:
    """Break one thing and expect `up` to end with the recorded sentence, soon and once.

    Once it is mended as docs/failures.md says, the next `up` ends with a verified schema.
    """
    before = {**dev.settings}
    with CAUSES[cause](dev) as settings:
        dev.configure(timeoutSeconds=next(TIMEOUTS), startSeconds=START_SECONDS, **settings)
        outcome = dev.up()
        ended = datetime.now(UTC)
        status, fatal_at = _verdict(dev)
    dev.settings = before
    dev.configure()
    cured = dev.up()

    assert outcome.status != 0, outcome.text
    assert "Traceback" not in outcome.text
    diagnostics = outcome.text.rpartition("Diagnostics:")[2]
    found = [text for pattern in SENTENCES for text in pattern.findall(diagnostics)]
    assert found, outcome.text
    for sentence in found:
        assert diagnostics.count(sentence) == 1, diagnostics
    compare(cause, {"exit": status, "sentence": steady("; ".join(sorted(found)))})
    assert (ended - fatal_at).total_seconds() < (15 if status else 60), outcome.text
    assert re.search(r"^ +ok +: true$", cured.expect().text, re.M), cured.text


def compare(cause: str, seen: Recording) -> None:
    """Compare with what was recorded, or record it where RECORD_FAILURES is set."""
    if os.environ.get("RECORD_FAILURES"):
        record(cause, seen)
    assert recordings().get(cause) == seen, f"{seen}: RECORD_FAILURES=1 records it anew"


def compare_line(cause: str, text: str, start: str, *, status: int | None = None) -> None:
    """Compare what an output says from `start` to the end of the line."""
    line = next(line for line in text.splitlines() if start in line)
    compare(cause, {"exit": status, "sentence": steady(line[line.index(start) :])})


def _verdict(dev: Deployment) -> tuple[int | None, datetime]:
    """Return the exit status and the end of the container that failed, or the Job's beginning."""
    pods = Pods(dev)
    for pod in pods.get("pods", "-l", f"job-name={MIGRATION}")["items"]:
        statuses: list[Any] = pod["status"].get("initContainerStatuses", [])
        for container in [*statuses, *pod["status"].get("containerStatuses", [])]:
            terminated = container["state"].get("terminated", {})
            if terminated.get("exitCode"):
                return terminated["exitCode"], datetime.fromisoformat(terminated["finishedAt"])
    job = pods.get("job", MIGRATION)
    return None, datetime.fromisoformat(job["metadata"]["creationTimestamp"])
