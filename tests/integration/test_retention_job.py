"""Retention on the real cluster, from the CronJob that `up` makes."""

import json
from collections.abc import Callable

import pytest
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg.rows import dict_row

from tests.integration.conftest import DEV
from tests.support.database import application_credential, as_parameters, connect
from tests.support.deployment import Deployment
from tests.support.histories import History, everything

NAME = "retention-job"
JOB = "retain-1"


@pytest.fixture(scope="module")
def retained(deploy: Callable[..., Deployment]) -> Deployment:
    retention = {"retentionSchedule": "30 3 * * *", "retentionKeepLatestAfterDays": 30}
    deployment = deploy(NAME, **DEV | retention)
    deployment.up().expect()
    return deployment


def test_p55_a_job_made_from_the_cron_job_prunes_what_the_application_wrote(
    retained: Deployment,
) -> None:
    login = as_parameters(application_credential(retained))
    with connect(retained, NAME, login, row_factory=dict_row) as connection:
        saver = PostgresSaver(connection)
        idle, active = History(saver, "idle", 40), History(saver, "active", 1)
        for history in (idle, active):
            history.steps(5)
        before = everything(saver)

        kubectl = ("kubectl", "-n", NAME)
        source = "--from=cronjob/agent-executor-retention"
        retained.run(*kubectl, "create", "job", JOB, source).expect()
        ended = "--for=jsonpath={.status.conditions[-1].status}=True"
        retained.run(*kubectl, "wait", f"job/{JOB}", ended, "--timeout=60s").expect()

        kept = [("active", "", id_) for id_ in active.ids[""]] + [("idle", "", idle.ids[""][-1])]
        after = everything(saver)
    assert sorted(after) == sorted(kept)
    assert all(after[key].checkpoint == before[key].checkpoint for key in kept)
    label = f"batch.kubernetes.io/job-name={JOB}"
    found = retained.run(*kubectl, "get", "pods", "-l", label, "-o", "json").expect()
    (pod,) = json.loads(found.text)["items"]
    (status,) = pod["status"]["containerStatuses"]
    assert status["state"]["terminated"]["exitCode"] == 0
    assert status["state"]["terminated"]["message"].startswith(
        "pruned 1 threads and deleted 0 threads: 4 checkpoints, "
    )
