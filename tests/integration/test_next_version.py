"""An environment of today goes to a made-up next version of LangGraph by files alone."""

from collections.abc import Callable
from pathlib import Path

import pytest

from devstack.report import render
from tests.integration.conftest import DEV
from tests.support.database import connect, tables
from tests.support.deployment import Deployment
from tests.support.migration_files import NUMBER, VERSION
from tests.support.next_version import STEM, TEXTS, add_next_version

ROW = "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('t', 'c', '{}')"
HIGHEST = len(TEXTS) - 1
NEXT = STEM[:3]


@pytest.fixture(scope="module")
def dev(deploy: Callable[..., Deployment], tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """Return an environment with a row, up at today's version, whose program has the next one."""
    made = deploy("next-version", **DEV)
    made.up().expect()
    outputs = made.outputs()
    assert (outputs["schemaVersion"], outputs["migrationJob"][-3:]) == (VERSION, NUMBER)
    with connect(made, made.settings["databaseName"]) as admin:
        admin.execute(ROW)
    add_next_version(made.folder / "migrations", Path(tmp_path_factory.mktemp("wheel")))
    return made


def test_up_upgrades_and_verifies_and_a_second_one_changes_nothing(dev: Deployment) -> None:
    dev.up().expect()
    outputs = dev.outputs()

    assert outputs["schemaVersion"] == HIGHEST
    assert outputs["migrationJob"] == f"agent-executor-migration-{NEXT}"
    assert outputs["verification"]["ok"] is True
    assert f"Schema version {HIGHEST} in" in render(outputs)
    assert outputs["verification"]["tables"]["checkpoints"]["rows"] == 1
    dev.up("--expect-no-changes").expect()
    jobs = dev.run("kubectl", "get", "jobs", "-n", dev.settings["namespace"], "-o", "name").expect()
    assert sorted(line.rpartition("-")[2] for line in jobs.text.split()) == [NEXT, NEXT]


def test_destroy_keeps_the_row_and_drops_empty_tables(dev: Deployment) -> None:
    refused = dev.destroy()
    assert refused.status != 0
    assert "refusing to drop tables that hold data (rows: checkpoints 1" in refused.text
    with connect(dev, dev.settings["databaseName"]) as admin:
        assert "checkpoints" in tables(admin)
        admin.execute("TRUNCATE checkpoints")

    dev.destroy().expect()
    with connect(dev, "postgres") as admin:
        left = admin.execute(
            "SELECT FROM pg_database WHERE datname = %s", [dev.settings["databaseName"]]
        )
        assert left.fetchone() is None
