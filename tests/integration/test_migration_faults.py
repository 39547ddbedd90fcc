"""Disturbs the migration Job on the real cluster while it builds an index."""

import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from components.jobs.pod import FILES_DIR
from tests.support.database import connect, dump
from tests.support.deployment import Deployment, Outcome

JOB = "agent-executor-migration-001"
ROWS = """
INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint)
SELECT 'thread', n::text, '{}' FROM generate_series(1, 1000) AS n ON CONFLICT DO NOTHING
"""
SCRIPT = f"{FILES_DIR}/migrate.sh"
BUILD = "SELECT pid FROM pg_stat_progress_create_index WHERE phase LIKE 'waiting for%'"
INVALID = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"


@pytest.fixture(scope="module")
def finished(dev: Deployment) -> str:
    """Return what pg_dump says of the finished schema."""
    return dump(dev, dev.settings["databaseName"])


class Migration:
    """An `up` whose index build waits for a transaction that the test holds open."""

    def __init__(self, dev: Deployment, up: "Future[Outcome]", admin: psycopg.Connection[Any]):
        self._dev, self.up, self._admin = dev, up, admin

    def wait_for_build(self, other_than: int = 0) -> int:
        """Return the pid of the server process that builds the index."""
        while not self.up.done():
            for (pid,) in self._admin.execute(BUILD.encode()):
                if pid != other_than:
                    return pid
            threading.Event().wait(0.05)
        pytest.fail(self.up.result().text)

    def kubectl(self, *arguments: str) -> str:
        """Run kubectl in the environment's namespace."""
        return self.try_kubectl(*arguments).expect().text

    def try_kubectl(self, *arguments: str) -> Outcome:
        return self._dev.run("kubectl", "-n", self._dev.settings["namespace"], *arguments)

    def wait_for_log(self, pod: str, text: str) -> None:
        """Wait until the newest pod's migration says `text`."""
        command = ("logs", "--all-pods", pod, "-c", "migrate", "--ignore-errors")
        while text not in self.try_kubectl(*command).text:
            threading.Event().wait(0.1)

    def pods(self, job: str = JOB) -> list[str]:
        """Return the names of a Job's pods, the oldest first."""
        return self.kubectl(
            *("get", "pods", "-l", f"job-name={job}", "-o", "name"),
            "--sort-by=.metadata.creationTimestamp",
        ).split()


@contextmanager
def migration_at_work(dev: Deployment, **settings: Any) -> Iterator[Migration]:
    database = dev.settings["databaseName"]
    with connect(dev, database) as admin, connect(dev, database) as older:
        admin.execute(ROWS.encode())
        admin.execute("DROP INDEX IF EXISTS checkpoints_thread_id_idx")
        older.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        older.execute("SELECT FROM pg_class")
        dev.configure(**settings)
        with ThreadPoolExecutor(1) as pool:
            migration = Migration(dev, pool.submit(dev.up), admin)
            try:
                migration.wait_for_build()
                yield migration
            finally:
                older.execute("ROLLBACK")


def assert_finished(dev: Deployment, migration: Migration, finished: str) -> None:
    migration.up.result().expect()
    database = dev.settings["databaseName"]
    assert dump(dev, database) == finished
    with connect(dev, database) as admin:
        assert admin.execute(INVALID.encode()).fetchone() == (0,)


def process_of(pod: str) -> int:
    """Return the pid, as this machine sees it, of the script that a pod runs."""
    for process in Path("/proc").glob("[0-9]*"):
        # Others end while this looks at them, and some may not be looked into.
        with suppress(OSError):
            arguments = (process / "cmdline").read_bytes().split(b"\0")
            # The script's own subshells have its arguments too; it is the first of its namespace.
            first = re.search(r"^NSpid:.*\t1$", (process / "status").read_text(), re.MULTILINE)
            if SCRIPT.encode() in arguments and first:
                hostname = (process / "root/etc/hostname").read_text().strip()
                if pod == f"pod/{hostname}":
                    return int(process.name)
    raise LookupError(pod)


def test_a_killed_container_is_followed_by_a_pod_that_completes(
    dev: Deployment, finished: str
) -> None:
    with migration_at_work(dev, backoffLimit=1, timeoutSeconds=301) as migration:
        os.kill(process_of(migration.pods()[-1]), signal.SIGKILL)
        # The server goes on with the statement of a client that was killed.
        migration.wait_for_log(f"job/{JOB}", "found one at work")
    assert_finished(dev, migration, finished)


def test_an_evicted_pod_ends_before_its_replacement_completes(
    dev: Deployment, finished: str
) -> None:
    with migration_at_work(dev, backoffLimit=1, timeoutSeconds=302) as migration:
        first = migration.wait_for_build()
        (pod,) = migration.pods()
        namespace, name = dev.settings["namespace"], pod.removeprefix("pod/")
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": namespace},
        }
        subprocess.run(
            ["kubectl", "create", "--raw",
             f"/api/v1/namespaces/{namespace}/pods/{name}/eviction", "-f", "-"],
            env=dev.environ, input=json.dumps(eviction), text=True, check=True,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        migration.wait_for_build(other_than=first)
        assert pod not in migration.pods()
    assert_finished(dev, migration, finished)


def test_a_second_pod_of_the_same_job_waits_for_the_first(dev: Deployment, finished: str) -> None:
    with migration_at_work(dev, timeoutSeconds=303) as migration:
        twin = json.loads(migration.kubectl("get", "job", JOB, "-o", "json"))
        template = twin["spec"]["template"]
        twin = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "twin"},
            "spec": {"backoffLimit": 0, "template": {"spec": template["spec"]}},
        }
        manifest = dev.folder / "twin.json"
        manifest.write_text(json.dumps(twin))
        migration.kubectl("create", "-f", str(manifest))
        migration.wait_for_log("job/twin", "found one at work")
    assert_finished(dev, migration, finished)
    migration.kubectl("wait", "--for=condition=complete", "--timeout=30s", "job/twin")
    assert "nothing to do" in migration.kubectl("logs", "job/twin", "-c", "migrate")
    migration.kubectl("delete", "job", "twin")


def test_a_build_that_outlasts_its_time_ends_in_a_sentence_and_is_completed_by_the_next_up(
    dev: Deployment, finished: str
) -> None:
    with migration_at_work(dev, backoffLimit=0, timeoutSeconds=30) as migration:
        outcome = migration.up.result()

    assert outcome.status != 0
    assert "gave up after 10 s" in outcome.text
    assert "timeoutSeconds" in outcome.text
    assert "Traceback" not in outcome.text
    dev.up().expect()
    assert dump(dev, dev.settings["databaseName"]) == finished
