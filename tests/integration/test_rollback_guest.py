"""Rolls back an environment that owns nothing but its tables, in somebody else's surroundings."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg import sql
from psycopg.rows import dict_row

from devstack import layout, stack
from devstack.processes import stop
from tests.support.database import TABLES, connect, recreate, tables
from tests.support.deployment import Deployment, Outcome
from tests.support.documents import follow
from tests.support.failures import compare_line

ROW = "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('t', 'c', '{}')"
OWNER = "guest-owner"
CLAIM = "dumps"
JOBS_USER = 10001
SECRET = "guest/postgres"
APPLICATION = {"user": "guest-app", "password": "secret"}


@pytest.fixture(scope="module")
def guest(dev: Deployment, deploy: Callable[..., Deployment]) -> Deployment:
    """Return an environment in the namespace, the mounts and the database of others."""
    database = dev.settings["databaseName"] + "-guest"
    with connect(dev, "postgres") as admin:
        recreate(admin, database)
        admin.execute(
            f"CREATE ROLE \"{OWNER}\"; CREATE ROLE guest LOGIN PASSWORD 'secret';"
            f"CREATE ROLE \"{APPLICATION['user']}\" LOGIN PASSWORD 'secret'".encode()
        )
        admin.execute(
            f'GRANT "{OWNER}" TO guest; ALTER DATABASE "{database}" OWNER TO "{OWNER}"'.encode()
        )
    with connect(dev, database) as admin:
        admin.execute(f'ALTER SCHEMA public OWNER TO "{OWNER}"'.encode())
    write_secret(dev, database)
    owned = ("namespace", "vaultAuthMount", "vaultKvMount")
    guest = deploy(
        "guest",
        **{key: dev.settings[key] for key in owned},
        serviceAccount="guest",
        vaultSecretPath=SECRET,
        databaseName=database,
        databaseOwner=OWNER,
        databaseApplicationRole=APPLICATION["user"],
        backoffLimit=0,
        startSeconds=5,
        timeoutSeconds=30,
    )
    guest.configure(name="guest")
    return guest


def write_secret(dev: Deployment, database: str) -> None:
    mount = dev.settings["vaultKvMount"]
    fields = {
        "host": dev.environ["PGHOST"],
        "port": dev.environ["PGPORT"],
        "database": database,
        "username": "guest",
        "password": "secret",
    }
    pairs = [f"{key}={value}" for key, value in fields.items()]
    dev.run("bao", "kv", "put", f"-mount={mount}", SECRET, *pairs).expect()


@pytest.fixture
def standing(guest: Deployment) -> Iterator["psycopg.Connection[Any]"]:
    """Bring it up, whatever an earlier test removed, with one row; give a superuser's session."""
    guest.configure(allowDataLoss=False, rollbackBackupClaim="")
    guest.up("--refresh").expect()
    with connect(guest, guest.settings["databaseName"]) as connection:
        connection.execute(f"{ROW} ON CONFLICT DO NOTHING".encode())
        yield connection


def rows(connection: "psycopg.Connection[Any]") -> int:
    return connection.execute("SELECT count(*) FROM checkpoints").fetchone()[0]  # type: ignore[index]


def assert_refused(outcome: Outcome, *sentences: str) -> None:
    assert outcome.status != 0, outcome.text
    assert "Traceback" not in outcome.text
    for sentence in ("nothing was destroyed", *sentences):
        assert sentence in outcome.text, outcome.text


def test_a_first_up_that_could_not_log_in_leaves_the_tables_of_others_and_goes(
    guest: Deployment,
) -> None:
    with connect(guest, guest.settings["databaseName"]) as connection:
        connection.execute("CREATE TABLE checkpoints (theirs int)")
        guest.configure(vaultSecretPath="guest/nothing")
        failed = guest.up()
        gone = guest.destroy()
        guest.configure(vaultSecretPath=SECRET)
        connection.execute("DROP TABLE checkpoints")

    assert failed.status != 0
    gone.expect()
    assert "the checkpoint tables stay, if there are any" in gone.text
    assert "no secret exists" in gone.text
    assert "Traceback" not in gone.text


def test_a_dependent_view_is_a_refusal(
    guest: Deployment, standing: "psycopg.Connection[Any]"
) -> None:
    standing.execute("CREATE VIEW theirs AS SELECT thread_id FROM checkpoints")
    standing.execute("DELETE FROM checkpoints")

    outcome = guest.destroy()

    assert_refused(outcome, "view theirs depends on table checkpoints", "run pulumi destroy again")
    compare_line("view", outcome.text, "nothing was destroyed: ", status=10)
    assert tables(standing) == set(TABLES)
    standing.execute("DROP VIEW theirs")
    guest.destroy().expect()
    assert tables(standing) == set()


def test_a_transaction_that_keeps_a_table_is_named_and_nothing_is_dropped(
    guest: Deployment, standing: "psycopg.Connection[Any]"
) -> None:
    standing.execute("DELETE FROM checkpoints")
    login = APPLICATION | {"application_name": "agent"}
    with connect(guest, guest.settings["databaseName"], login) as application:
        idle = application.execute("SELECT FROM checkpoints")
        with application.transaction():
            application.execute("SELECT FROM checkpoints")
            outcome = guest.destroy()

    assert idle.rowcount == 0
    assert_refused(outcome, "application 'agent', role \"guest-app\"): wait for their end")
    compare_line("transaction in the way", outcome.text, "nothing was destroyed: ", status=10)
    assert tables(standing) == set(TABLES)
    guest.destroy().expect()
    assert tables(standing) == set()


def test_what_was_deleted_behind_its_back_is_named_and_mended_by_up_refresh(
    guest: Deployment, standing: "psycopg.Connection[Any]"
) -> None:
    namespace, mount = guest.settings["namespace"], guest.settings["vaultAuthMount"]
    jobs = ("job/guest-migration-001", "job/guest-verification-001")
    guest.run("kubectl", "-n", namespace, "delete", *jobs).expect()
    guest.run("bao", "delete", f"auth/{mount}/role/guest").expect()
    without_role = guest.destroy()
    guest.run("kubectl", "-n", namespace, "delete", "serviceaccount", "guest").expect()
    without_account = guest.destroy()

    assert_refused(without_role, 'invalid role name "guest"', "pulumi up --refresh")
    compare_line("rollback without role", without_role.text, "nothing was destroyed: ", status=20)
    assert_refused(without_account, 'serviceaccount "guest" not found', "pulumi up --refresh")
    guest.up("--refresh").expect()
    assert rows(standing) == 1
    standing.execute("DELETE FROM checkpoints")
    guest.destroy().expect()
    assert tables(standing) == set()


def test_a_database_that_is_down_or_a_sealed_vault_is_a_refusal(
    guest: Deployment, standing: "psycopg.Connection[Any]"
) -> None:
    standing.execute("DELETE FROM checkpoints")
    name = guest.environ["DEVSTACK_NAME"]
    guest.run("bao", "operator", "seal").expect()
    sealed = guest.destroy()
    stack.up(name, lambda _: None)
    stop(layout.load(name).records / "postgresql", 2, seconds=30)
    down = guest.destroy()
    stack.up(name, lambda _: None)

    assert_refused(sealed, "found a sealed Vault")
    assert_refused(down, "container rollback ended with 12", "Connection refused")
    guest.up("--expect-no-changes").expect()
    guest.destroy().expect()


def test_a_rollback_that_finds_no_node_says_so_within_start_seconds(
    guest: Deployment, standing: "psycopg.Connection[Any]"
) -> None:
    node = guest.run("kubectl", "get", "nodes", "-o", "name").expect().text.strip()
    guest.run("kubectl", "cordon", node).expect()
    outcome = guest.destroy()
    guest.run("kubectl", "uncordon", node).expect()

    limit = "no pod started within startSeconds, 5 s"
    assert_refused(outcome, "the pod does not start, Unschedulable", limit, "run pulumi destroy")
    jobs = guest.run("kubectl", "-n", guest.settings["namespace"], "get", "jobs", "-o", "name")
    assert "rollback" not in jobs.expect().text
    assert rows(standing) == 1


class SetUpAgainAndAgain(threading.Thread):
    """An application that calls setup() at its start, and starts over and over."""

    def __init__(self, guest: Deployment) -> None:
        super().__init__()
        self._guest, self._over = guest, threading.Event()
        self.refusals = 0

    def run(self) -> None:
        with connect(
            self._guest, self._guest.settings["databaseName"], APPLICATION, row_factory=dict_row
        ) as connection:
            while not self._over.wait(0.05):
                try:
                    PostgresSaver(connection).setup()
                except psycopg.errors.InsufficientPrivilege:
                    self.refusals += 1

    def __enter__(self) -> "SetUpAgainAndAgain":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()


@pytest.fixture
def volume(guest: Deployment, tmp_path: Path) -> Iterator[Path]:
    """Give the namespace a claim on a folder of this machine."""
    folder = tmp_path / "volume"
    folder.mkdir()
    os.chown(folder, JOBS_USER, JOBS_USER)
    common = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "",
    }
    size = {"storage": "1Gi"}
    documents = [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": CLAIM},
            "spec": {**common, "capacity": size, "hostPath": {"path": str(folder)}},
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": CLAIM, "namespace": guest.settings["namespace"]},
            "spec": {**common, "volumeName": CLAIM, "resources": {"requests": size}},
        },
    ]
    manifest = tmp_path / "volume.yaml"
    manifest.write_text(yaml.safe_dump_all(documents))
    guest.run("kubectl", "apply", "-f", str(manifest)).expect()
    # The controller may take longer than the guest's startSeconds.
    guest.run(
        *("kubectl", "-n", guest.settings["namespace"], "wait", f"pvc/{CLAIM}"),
        *("--for=jsonpath={.status.phase}=Bound", "--timeout=60s"),
    ).expect()
    yield folder
    guest.run("kubectl", "delete", "--wait=false", "-f", str(manifest)).expect()


def test_a_dump_comes_before_the_drop_and_no_setup_makes_the_tables_again(
    guest: Deployment, standing: "psycopg.Connection[Any]", volume: Path
) -> None:
    os.chown(volume, 0, 0)
    refused = follow(guest, "docs/destroy.md", "dump")
    kept = rows(standing)
    os.chown(volume, JOBS_USER, JOBS_USER)

    with SetUpAgainAndAgain(guest) as application:
        outcome = follow(guest, "docs/destroy.md", "dump").expect()
        after_the_drop = application.refusals
        while application.refusals < after_the_drop + 10:
            assert application.is_alive()
            threading.Event().wait(0.05)

    assert_refused(refused, "no table was dropped, since there is no complete dump")
    compare_line("dump", refused.text, "nothing was destroyed: ", status=10)
    assert kept == 1
    (dump,) = volume.iterdir()
    claim = f"{guest.settings['namespace']}/{CLAIM}"
    assert f"to {dump.name} in PersistentVolumeClaim {claim}" in outcome.text
    assert dump.name.startswith("guest-")
    assert tables(standing) == set()
    database = guest.settings["databaseName"]
    follow(guest, "docs/destroy.md", "restore", DATABASE=database, DUMP=str(dump)).expect()
    assert rows(standing) == 1
    names = sql.SQL(", ").join(map(sql.Identifier, TABLES))
    standing.execute(sql.SQL("DROP TABLE {}").format(names))


def test_tables_stay_where_the_state_no_longer_knows_the_rollback(
    guest: Deployment, standing: "psycopg.Connection[Any]"
) -> None:
    follow(guest, "docs/destroy.md", "leave the tables").expect()

    assert rows(standing) == 1
    namespace = ("--namespace", guest.settings["namespace"])
    left = guest.run("kubectl", "get", *namespace, "jobs,configmaps", "-o", "name").expect().text
    assert not [job for job in ("migration", "verification") if f"/guest-{job}" in left]
    assert not json.loads(guest.state())["deployment"].get("resources")


def test_nothing_of_others_went_with_it(guest: Deployment, dev: Deployment) -> None:
    dev.up("--refresh", "--expect-no-changes").expect()
    mount = f"-mount={guest.settings['vaultKvMount']}"
    guest.run("bao", "kv", "get", mount, SECRET).expect()
    with connect(guest, guest.settings["databaseName"], {"user": "guest", "password": "secret"}):
        pass
