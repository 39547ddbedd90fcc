"""Kills, doubles and cuts off `pulumi up` and `pulumi destroy` at their steps."""

import json
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from devstack import layout, processes, stack
from tests.integration.conftest import DEV
from tests.support.database import TABLES, connect, tables
from tests.support.deployment import Deployment
from tests.support.failures import compare_line
from tests.support.recovery import recover
from tests.support.running import Running, running
from tests.support.traces import bindings

UP = ("up", "--yes", "--skip-preview")
JOB = "agent-executor-migration-001"
DESTROY = ("destroy", "--yes", "--skip-preview")
# Owner and text of a table change with every DDL that touches it, its xmin with every grant.
CATALOG = """
SELECT relname, oid, xmin::text FROM pg_class
WHERE relname LIKE 'checkpoint%' AND relkind IN ('r', 'i') ORDER BY relname
"""
ROW = "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('t', 'c', '{}')"
BUILD = "SELECT FROM pg_stat_progress_create_index WHERE phase LIKE 'waiting for%'"


@pytest.fixture(scope="module")
def killed(deploy: Callable[..., Deployment]) -> Deployment:
    """Return an environment that was never up."""
    return deploy("killed", **DEV)


def catalog(dev: Deployment) -> list[Any]:
    with connect(dev, dev.settings["databaseName"]) as connection:
        return connection.execute(CATALOG.encode()).fetchall()


def uid(dev: Deployment, job: str = JOB) -> str:
    namespace = dev.settings["namespace"]
    command = ("kubectl", "-n", namespace, "get", "job", job, "-o", "jsonpath={.metadata.uid}")
    return dev.run(*command).expect().text


def objects(dev: Deployment) -> set[str]:
    kinds = "jobs,configmaps,serviceaccounts,secrets,networkpolicies"
    command = ("kubectl", "-n", dev.settings["namespace"], "get", kinds, "-o", "name")
    return set(dev.run(*command).expect().text.split())


def test_a_first_up_killed_at_the_secret_is_completed_by_the_documented_commands(
    killed: Deployment,
) -> None:
    with running(killed, *UP) as up:
        up.wait_for("checkpoints-access-secret", "creating")
        up.kill()
    recover(killed).expect()

    assert killed.outputs()["verification"]["ok"] is True
    killed.up("--refresh", "--expect-no-changes").expect()


def test_what_was_made_and_not_recorded_is_adopted_and_nothing_is_made_twice(
    killed: Deployment,
) -> None:
    before = catalog(killed), objects(killed), uid(killed), bindings(killed)
    forget_all_but_what_was_drawn(killed)

    recover(killed).expect()

    assert (catalog(killed), objects(killed), uid(killed), bindings(killed)) == before
    killed.up("--refresh", "--expect-no-changes").expect()


def forget_all_but_what_was_drawn(dev: Deployment) -> None:
    """Leave the state that kills leave: operations begun, and no word of their end."""
    folder = Path(dev.environ["PULUMI_BACKEND_URL"].removeprefix("file://").partition("?")[0])
    (path,) = folder.glob(f".pulumi/stacks/*/{dev.stack}.json")
    document = json.loads(path.read_text())
    state = document["checkpoint"]["latest"]
    begun = [r for r in state["resources"] if forgotten(r)]
    kept = [r for r in state["resources"] if not forgotten(r)]
    for resource in begun:
        resource.pop("id")
    known = {resource["urn"] for resource in kept}
    for resource in kept:
        resource["dependencies"] = [u for u in resource.get("dependencies", ()) if u in known]
        resource.pop("propertyDependencies", None)
    state["resources"] = kept
    state["pending_operations"] = [{"resource": r, "type": "creating"} for r in begun]
    path.write_text(json.dumps(document))


def forgotten(resource: dict[str, Any]) -> bool:
    drawn = ("pulumi:", "vault:generic", "pulumi-python:dynamic:Ownership")
    return resource["custom"] and not resource["type"].startswith(drawn)


def test_a_second_up_is_refused_by_the_lock_that_names_its_owner(killed: Deployment) -> None:
    killed.configure(timeoutSeconds=301)
    with running(killed, *UP) as first:
        first.wait_for("checkpoints-migration-job", "creating")
        second = killed.up()
        first.result().expect()

    assert second.status != 0
    assert "currently locked by 1 lock" in second.text
    assert f"(pid {first.pid})" in second.text
    assert "`pulumi cancel`" in second.text


@contextmanager
def up_at_work(dev: Deployment, **settings: Any) -> Iterator[Running]:
    """Run an `up` whose index build waits for a transaction until the block ends."""
    database = dev.settings["databaseName"]
    with connect(dev, database) as admin, connect(dev, database) as older:
        admin.execute(f"{ROW} ON CONFLICT DO NOTHING".encode())
        admin.execute("DROP INDEX checkpoints_thread_id_idx")
        older.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        older.execute("SELECT FROM pg_class")
        dev.configure(**settings)
        with running(dev, *UP) as up:
            up.wait_for("checkpoints-migration-job", "creating")
            while not admin.execute(BUILD.encode()).fetchall():
                threading.Event().wait(0.05)
            try:
                yield up
            finally:
                older.execute("ROLLBACK")
            up.result()


def test_a_job_that_outlived_its_up_is_taken_over_when_it_has_ended(
    killed: Deployment,
) -> None:
    with up_at_work(killed, timeoutSeconds=302) as up:
        up.kill()
        job = uid(killed)
    namespace = killed.settings["namespace"]
    killed.run(
        *("kubectl", "-n", namespace, "wait", f"job/{JOB}", "--for=condition=complete"),
        "--timeout=60s",
    ).expect()
    before = catalog(killed)

    recover(killed).expect()

    assert (uid(killed), catalog(killed)) == (job, before)


def test_a_second_up_that_was_forced_builds_nothing_twice(killed: Deployment) -> None:
    with ExitStack() as stack:
        with up_at_work(killed, timeoutSeconds=305) as first:
            killed.pulumi("cancel", "--yes", "--stack", killed.stack).expect()
            second = stack.enter_context(running(killed, *UP))
            second.wait_for("checkpoints-migration-job", "creating")
            job = uid(killed)
        second.result().expect()
        assert uid(killed) == job

    first.result().expect()
    killed.up("--refresh").expect()
    with connect(killed, killed.settings["databaseName"]) as connection:
        query = "SELECT indisvalid FROM pg_index WHERE indrelid = 'checkpoints'::regclass"
        assert connection.execute(query).fetchall() == [(True,), (True,)]


def test_a_job_that_outlasted_its_time_ends_well_with_more_of_it(killed: Deployment) -> None:
    with up_at_work(killed, timeoutSeconds=306) as outlasted:
        over = ("-p", '{"spec": {"activeDeadlineSeconds": 1}}')
        killed.run(
            *("kubectl", "-n", killed.settings["namespace"], "patch", "job", JOB, *over)
        ).expect()
        said = outlasted.result().expect(1).text
    compare_line("out of time", said, "still at work")

    killed.configure(timeoutSeconds=600)
    killed.up().expect()

    assert killed.outputs()["verification"]["ok"] is True


def test_an_api_server_that_restarts_while_the_job_is_awaited_changes_nothing(
    killed: Deployment,
) -> None:
    name = killed.environ["DEVSTACK_NAME"]
    with up_at_work(killed, timeoutSeconds=303) as up:
        processes.stop(layout.load(name).records / "kube-apiserver", signal.SIGKILL)
        stack.up(name, lambda _: None)

    up.result().expect()
    assert killed.outputs()["verification"]["ok"] is True
    killed.up("--refresh", "--expect-no-changes").expect()


def test_pulumi_waits_longer_than_the_job_may_take(killed: Deployment) -> None:
    resources = json.loads(killed.state())["deployment"]["resources"]
    jobs = [r for r in resources if r["type"] == "kubernetes:batch/v1:Job"]

    assert len(jobs) == 2
    for job in jobs:
        deadline = job["inputs"]["spec"]["activeDeadlineSeconds"]
        assert job["customTimeouts"]["create"] > deadline == killed.settings["timeoutSeconds"]


def test_an_up_after_a_destroy_that_stopped_at_its_rollback_is_red_until_it_migrates_anew(
    killed: Deployment,
) -> None:
    database = killed.settings["databaseName"]
    with connect(killed, database) as connection:
        connection.execute("TRUNCATE checkpoints")
    with running(killed, *DESTROY) as destroy:
        destroy.wait_for("checkpoints-rollback", "deleting")
        destroy.interrupt()
        destroy.result().expect()

    refused = killed.up()
    killed.up("--refresh").expect()

    assert refused.status != 0
    found = "found that a destroy which was stopped dropped them"
    assert found in refused.text
    compare_line("destroy stopped", refused.text, "expected")
    assert "Traceback" not in refused.text
    with connect(killed, database) as connection:
        assert tables(connection) == set(TABLES)


def test_a_destroy_ended_at_its_rollbacks_and_its_database_is_repeated_to_its_end(
    killed: Deployment,
) -> None:
    steps = (
        ("checkpoints-rollback", "kill"),
        ("checkpoints-rollback", "interrupt"),
        ("checkpoints-fallback-rollback", "kill"),
        ("checkpoints-database-database", "interrupt"),
    )
    with connect(killed, killed.settings["databaseName"]) as connection:
        connection.execute("TRUNCATE checkpoints")
    for step, how in steps:
        with running(killed, *DESTROY) as destroy:
            destroy.wait_for(step, "deleting")
            getattr(destroy, how)()
            destroy.result()
            assert "Traceback" not in destroy.text, destroy.text
        killed.pulumi("cancel", "--yes", "--stack", killed.stack)

    killed.destroy().expect()

    name = killed.settings["databaseName"]
    assert not json.loads(killed.state())["deployment"].get("resources")
    with connect(killed, "postgres") as connection:
        query = "SELECT datname FROM pg_database UNION SELECT rolname FROM pg_roles"
        assert not [row for row in connection.execute(query) if row[0].startswith(name)]
    assert name not in killed.run("bao", "secrets", "list").expect().text
    assert name not in killed.run("kubectl", "get", "namespaces").expect().text
