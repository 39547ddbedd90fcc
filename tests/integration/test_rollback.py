import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.conftest import DEV
from tests.integration.test_drift import operations
from tests.support.changes import ROLLBACKS, another
from tests.support.database import (
    TABLES,
    application_credential,
    as_parameters,
    connect,
    dump,
    tables,
)
from tests.support.deployment import Deployment
from tests.support.failures import compare_line
from tests.support.traces import bindings

ROW = "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('t', 'c', '{}')"
CHANGED_FILES = ("schema/migrate.sh", "schema/rollback/resources.py", "schema/rollback/job.py")
REFUSAL = (
    "refusing to drop tables that hold data (rows: checkpoints 1, checkpoint_blobs 0, "
    "checkpoint_writes 0); set allowDataLoss to true, run pulumi up, then pulumi destroy"
)


@pytest.fixture(scope="module")
def database(dev: Deployment) -> str:
    return dev.settings["databaseName"]


@pytest.fixture(scope="module", autouse=True)
def first_schema(dev: Deployment, database: str) -> str:
    return dump(dev, database)


def test_destroy_refuses_rows_in_one_sentence_and_touches_nothing(
    dev: Deployment, database: str
) -> None:
    with connect(dev, database) as connection:
        connection.execute(ROW)

    outcome = dev.destroy()

    assert outcome.status != 0
    assert outcome.text.count(REFUSAL) >= 1
    compare_line("rows", outcome.text, "nothing was destroyed: ", status=10)
    assert "Traceback" not in outcome.text
    dev.up("--expect-no-changes").expect()
    with connect(dev, database) as connection:
        assert tables(connection) == set(TABLES)
        assert connection.execute("SELECT count(*) FROM checkpoints").fetchone() == (1,)


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({"manageDatabase": False, "manageSecret": False}, "database 'rollback'"),
        ({"databaseSchema": "another"}, "schema 'public'"),
        ({"databaseName": "renamed"}, "database 'rollback'"),
        ({"manageVaultKvMount": False}, "KV mount 'rollback-kv'"),
        ({"manageNamespace": False}, "namespace 'rollback'"),
    ],
    ids=["handed over", "other schema", "renamed", "KV mount", "namespace"],
)
def test_no_changed_setting_drops_or_leaves_rows_on_up(
    dev: Deployment, database: str, change: dict[str, Any], kept: str
) -> None:
    before = dict(dev.settings)
    dev.configure(**change)
    outcome = dev.up()
    dev.settings.clear()
    dev.configure(**before)

    assert outcome.status != 0
    assert f"nothing was changed: expected {kept} to stay" in outcome.text
    assert "Traceback" not in outcome.text
    with connect(dev, database) as connection:
        assert connection.execute("SELECT count(*) FROM checkpoints").fetchone() == (1,)


def test_a_preview_refuses_a_change_that_up_would_refuse(dev: Deployment, database: str) -> None:
    dev.configure(databaseSchema="another")
    outcome = dev.preview()
    dev.configure(databaseSchema="public")

    assert outcome.status != 0
    assert "nothing was changed: expected schema 'public' to stay" in outcome.text
    compare_line("data would go", outcome.text, "nothing was changed: ")
    dev.preview("--expect-no-changes").expect()


@pytest.mark.parametrize("key", ["vaultRole", "vaultPolicy", "vaultSecretPath", "postgresImage"])
def test_a_preview_of_one_changed_setting_keeps_the_rollbacks(dev: Deployment, key: str) -> None:
    before = dict(dev.settings)
    dev.configure(**{key: another(dev, key)})
    planned = operations(dev.preview("--json"))
    dev.settings.clear()
    dev.configure(**before)

    assert planned
    assert {planned.get(name, "same") for name in ROLLBACKS} <= {"same", "update"}


def test_a_changed_program_config_map_and_settings_run_no_rollback(
    dev: Deployment, database: str
) -> None:
    for file in CHANGED_FILES:
        with (dev.folder / "components" / file).open("a") as program:
            program.write("# another release\n")
    dev.configure(
        timeoutSeconds=700,
        ttlSecondsAfterFinished=90_000,
        name="renamed-jobs",
        serviceAccount="renamed",
        vaultAudience="renamed",
        vaultImage="hashicorp/vault:1.15",
        backoffLimit=1,
    )

    planned = operations(dev.preview("--json"))
    dev.up().expect()

    assert planned["checkpoints-migration-files"] == "replace"
    assert {planned[name] for name in ROLLBACKS} == {"update"}
    with connect(dev, database) as connection:
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
            "SELECT 1 FROM pg_roles WHERE rolname LIKE %s", [f"{database}\\_%"]
        ).fetchall()
    lists = (
        *(("bao", kind, "list") for kind in ("secrets", "auth", "policy")),
        ("kubectl", "get", "namespaces", "-o", "name"),
    )
    left = {word for command in lists for word in dev.run(*command).expect().text.split()}
    policies, mounts = {database, f"{database}-app"}, {f"{database}-kv/", f"{database}-kubernetes/"}
    assert not left & {*policies, *mounts, f"namespace/{database}"}
    assert not bindings(dev)
    assert not json.loads(dev.state())["deployment"].get("resources")


def test_a_second_life_has_the_schema_of_the_first(
    dev: Deployment, database: str, first_schema: str
) -> None:
    dev.up().expect()

    assert dev.outputs()["verification"]["ok"] is True
    assert dump(dev, database) == first_schema


def test_an_environment_with_a_schema_of_its_own_comes_and_goes(
    deploy: Callable[..., Deployment],
) -> None:
    own = deploy("own-schema", **DEV, databaseSchema="La ng")
    own.up().expect()
    credential = as_parameters(application_credential(own))
    with connect(own, own.settings["databaseName"], credential) as connection:
        connection.execute(ROW)
        connection.execute("DELETE FROM checkpoints")
        found = connection.execute("SELECT to_regclass('checkpoints')::text").fetchone()

    own.destroy().expect()

    assert found == ("checkpoints",)
    with connect(own, "postgres") as connection:
        assert not connection.execute(
            "SELECT 1 FROM pg_roles WHERE rolname LIKE 'own-schema%'"
        ).fetchall()
