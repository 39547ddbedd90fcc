"""Walks an environment through random operations beside a model of where each must end.

SEED repeats a walk, STEPS sets its length.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random, randrange

import pytest

from tests.integration.conftest import DEV
from tests.integration.conftest import deploy as deploy
from tests.integration.conftest import devstack as devstack
from tests.support.database import TABLES, connect, dump, tables
from tests.support.deployment import Deployment, Outcome
from tests.support.recovery import recover, without_sidecar
from tests.support.running import running

SEED = int(os.environ.get("SEED") or randrange(2**32))  # noqa: S311
STEPS = int(os.environ.get("STEPS") or 200)
INVALID = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
CREDENTIAL = "bizmatters/agent-executor/postgres"


@dataclass
class Walk:
    """An environment and what it must be like: up with so many rows, or gone."""

    dev: Deployment
    random: Random
    up: bool = False
    rows: int = 0
    permitted: bool = False
    """Whether the last `up` recorded the permission to lose rows."""
    password: str = ""
    """The rotated password; empty while it is the drawn one."""
    schema: str = ""
    steps: list[str] = field(default_factory=list)

    @property
    def database(self) -> str:
        return self.dev.settings["databaseName"]

    def step(self) -> None:
        """Do one random thing and compare everything with the model."""
        operations: list[Callable[[], None]] = [self.bring_up, self.bring_up, self.kill_up]
        operations += [self.preview, self.configure, self.permit]
        if self.up:
            operations += [self.write, self.write, self.clear, self.rotate, self.lose_jobs]
            operations += [self.refresh, self.destroy, self.destroy, self.kill_destroy]
        operation = self.random.choice(operations)
        self.steps.append(operation.__name__)
        operation()
        self.check()

    def bring_up(self) -> None:
        self.dev.up(*self.random.choice([(), ("--refresh",)])).expect()
        self._is_up()

    def kill_up(self) -> None:
        with running(self.dev, "up", "--yes", "--skip-preview") as command:
            command.wait_for_steps(self.random.randrange(1, 40))
            command.kill()
        recover(self.dev).expect()
        self._is_up()

    def preview(self) -> None:
        self.dev.preview().expect()

    def refresh(self) -> None:
        self.dev.pulumi("refresh", "--yes", "--skip-preview", "--stack", self.dev.stack).expect()

    def configure(self) -> None:
        name = self.random.choice(["agent-executor", "other"])
        self.dev.configure(timeoutSeconds=self.random.randrange(200, 900), name=name)

    def permit(self) -> None:
        self.dev.configure(allowDataLoss=self.random.choice([True, False]))

    def write(self) -> None:
        with connect(self.dev, self.database) as connection:
            connection.execute(
                "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint)"
                " SELECT 't', gen_random_uuid()::text, '{}'"
            )
        self.rows += 1

    def clear(self) -> None:
        with connect(self.dev, self.database) as connection:
            connection.execute("TRUNCATE checkpoints")
        self.rows = 0

    def rotate(self) -> None:
        """Give the Jobs' role another password, in the database and in Vault."""
        self.password = f"{self.random.getrandbits(64):x}"
        role = f"{self.database}_migrator"
        with connect(self.dev, self.database) as connection:
            connection.execute(f"ALTER ROLE \"{role}\" PASSWORD '{self.password}'".encode())
        mount = f"-mount={self.dev.settings['vaultKvMount']}"
        pair = f"password={self.password}"
        self.dev.run("bao", "kv", "patch", mount, CREDENTIAL, pair).expect()

    def lose_jobs(self) -> None:
        """Delete the Jobs, as their time to live does."""
        namespace = self.dev.settings["namespace"]
        self.dev.run("kubectl", "-n", namespace, "delete", "jobs", "--all").expect()

    def destroy(self) -> None:
        outcome = self.dev.destroy()
        if self.rows and not self.permitted:
            self._assert_refused(outcome)
        else:
            outcome.expect()
            self._is_gone()

    def kill_destroy(self) -> None:
        with running(self.dev, "destroy", "--yes", "--skip-preview") as command:
            command.wait_for_steps(self.random.randrange(1, 40))
            command.kill()
        self.dev.pulumi("cancel", "--yes", "--stack", self.dev.stack).expect()
        self.destroy()

    def check(self) -> None:
        if not self.up:
            assert not self._databases(), "nothing is left"
            assert self.database not in self.dev.run("bao", "secrets", "list").expect().text
            return
        with connect(self.dev, self.database) as connection:
            assert tables(connection) == set(TABLES)
            assert connection.execute("SELECT count(*) FROM checkpoints").fetchone() == (self.rows,)
            assert connection.execute(INVALID.encode()).fetchone() == (0,)
        found = dump(self.dev, self.database)
        self.schema = self.schema or found
        assert found == self.schema
        if self.password:
            mount = f"-mount={self.dev.settings['vaultKvMount']}"
            read = ("bao", "kv", "get", mount, "-field=password", CREDENTIAL)
            assert self.dev.run(*read).expect().text == self.password

    def _assert_refused(self, outcome: Outcome) -> None:
        assert outcome.status != 0
        assert "refusing to drop tables that hold data" in outcome.text
        assert "Traceback" not in outcome.text

    def _databases(self) -> list[tuple[str]]:
        with connect(self.dev, "postgres") as admin:
            query = "SELECT datname FROM pg_database WHERE datname = %s"
            return admin.execute(query, [self.database]).fetchall()

    def _is_up(self) -> None:
        self.up, self.permitted = True, self.dev.settings.get("allowDataLoss", False)

    def _is_gone(self) -> None:
        self.up, self.rows, self.password = False, 0, ""


def test_f34_every_step_of_a_random_walk_ends_where_the_model_says(
    deploy: Callable[..., Deployment], capsys: pytest.CaptureFixture[str]
) -> None:
    walk = Walk(without_sidecar(deploy("walk", **DEV)), Random(SEED))  # noqa: S311
    with capsys.disabled():
        print(f"\nSEED={SEED} STEPS={STEPS}")
    for number in range(STEPS):
        try:
            walk.step()
        except BaseException:
            with capsys.disabled():
                print(f"SEED={SEED} failed at step {number + 1}: {' '.join(walk.steps)}")
            raise
