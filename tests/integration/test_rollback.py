import json

import pytest

from tests.support.database import TABLES, connect, tables
from tests.support.deployment import Deployment

ROW = "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('t', 'c', '{}')"
REFUSAL = (
    "refusing to drop tables that hold data (rows: checkpoints 1, checkpoint_blobs 0, "
    "checkpoint_writes 0); set allowDataLoss to true, run pulumi up, then pulumi destroy"
)


@pytest.fixture(scope="module")
def database(dev: Deployment) -> str:
    return dev.settings["databaseName"]


def test_r6_destroy_refuses_rows_in_one_sentence_and_touches_nothing(
    dev: Deployment, database: str
) -> None:
    with connect(dev, database) as connection:
        connection.execute(ROW)

    outcome = dev.destroy()

    assert outcome.status != 0
    assert outcome.text.count(REFUSAL) >= 1
    assert "nothing was destroyed" in outcome.text
    assert "Traceback" not in outcome.text
    dev.up("--expect-no-changes").expect()
    with connect(dev, database) as connection:
        assert tables(connection) == set(TABLES)
        assert connection.execute("SELECT count(*) FROM checkpoints").fetchone() == (1,)


def test_permission_alone_drops_nothing(dev: Deployment, database: str) -> None:
    dev.configure(allowDataLoss=True)

    dev.up().expect()

    with connect(dev, database) as connection:
        assert connection.execute("SELECT count(*) FROM checkpoints").fetchone() == (1,)


def test_destroy_with_permission_leaves_no_table_and_no_object(
    dev: Deployment, database: str
) -> None:
    dev.destroy().expect()

    with connect(dev, "postgres") as connection:
        assert not connection.execute(
            "SELECT 1 FROM pg_database WHERE datname = %s", [database]
        ).fetchall()
        assert not connection.execute(
            "SELECT 1 FROM pg_roles WHERE rolname LIKE %s", [f"{database}%"]
        ).fetchall()
    for mounts in ("secrets", "auth"):
        assert database not in dev.run("bao", mounts, "list").expect().text
    assert database not in dev.run("bao", "policy", "list").expect().text
    for kind in ("namespaces", "clusterrolebindings"):
        assert database not in dev.run("kubectl", "get", kind, "-o", "name").expect().text
    assert not json.loads(dev.state())["deployment"].get("resources")


def test_the_environment_comes_up_again_after_its_destroy(dev: Deployment) -> None:
    dev.up().expect()

    assert dev.outputs()["verification"]["ok"] is True
