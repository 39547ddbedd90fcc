"""Retention on the real cluster, from the CronJob that `up` makes."""

from collections.abc import Callable

import pytest
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg.rows import dict_row

from tests.integration.conftest import DEV
from tests.support.database import application_credential, as_parameters, connect
from tests.support.deployment import Deployment
from tests.support.documents import follow
from tests.support.histories import History, everything

NAME = "retention-job"
PAGE = "docs/retention.md"
ORPHAN = "INSERT INTO checkpoint_blobs VALUES ('idle', '', 'gone', '1', 'msgpack', '')"


@pytest.fixture(scope="module")
def retained(deploy: Callable[..., Deployment]) -> Deployment:
    deployment = deploy(NAME, **DEV)
    follow(deployment, PAGE, "on").expect()
    return deployment


def test_a_job_made_from_the_cron_job_first_says_and_then_prunes_what_is_idle(
    retained: Deployment,
) -> None:
    login = as_parameters(application_credential(retained))
    with connect(retained, NAME, login, row_factory=dict_row) as connection:
        saver = PostgresSaver(connection)
        idle, active = History(saver, "idle", 40), History(saver, "active", 1)
        for history in (idle, active):
            history.steps(5)
        before = everything(saver)

        announced = follow(retained, PAGE, "now").expect().text
        untouched = everything(saver)
        follow(retained, PAGE, "for real").expect()
        done = follow(retained, PAGE, "now").expect().text
        with connect(retained, NAME) as admin:
            admin.execute(ORPHAN)
        follow(retained, PAGE, "orphans").expect()
        cleared = follow(retained, PAGE, "now").expect().text

        kept = [("active", "", id_) for id_ in active.ids[""]] + [("idle", "", idle.ids[""][-1])]
        after = everything(saver)
    assert untouched == before
    assert sorted(after) == sorted(kept)
    assert all(after[key].checkpoint == before[key].checkpoint for key in kept)
    dry_run = (
        "==> result: dry run, nothing was deleted: it would prune 1 threads and delete 0 threads"
    )
    assert f"{dry_run}: 4 checkpoints, " in announced
    assert "; orphans deleted: 0 writes and 1 blobs; " in cleared
    assert "==> result: pruned 1 threads and deleted 0 threads: 4 checkpoints, " in done
