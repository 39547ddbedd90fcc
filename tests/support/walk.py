"""Leads an environment through random operations beside a model of where each must end."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.support.database import TABLES, as_parameters, connect, tables
from tests.support.deployment import Deployment, Outcome
from tests.support.drifts import DRIFTS, Environment
from tests.support.recovery import recover
from tests.support.running import running
from tests.support.traces import SECRET, credential, deployed, has_secrets, residue, result

JOBS = "app.kubernetes.io/part-of=langgraph-checkpoint"

INVALID = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
# Every DDL and every grant changes the xmin of a table's row, every write that of the ledger's.
CATALOG = """
SELECT relname, oid::text, xmin::text FROM pg_class
WHERE relname LIKE 'checkpoint%' AND relkind IN ('r', 'i')
UNION ALL SELECT 'version ' || v, '', xmin::text FROM checkpoint_migrations ORDER BY 1
"""
ROW = """
INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint)
SELECT 't', gen_random_uuid()::text, '{}'
"""


@dataclass
class Walk:
    """An environment and what it must be like: up with so many rows, or gone."""

    dev: Deployment
    random: Random
    up: bool = False
    rows: int = 0
    name: str = ""
    """The Jobs' name at the last `up`."""
    permitted: bool = False
    """Whether the last `up` recorded the permission to lose rows."""
    changed: bool = False
    """Whether settings or files are others than at the last `up`."""
    password: str = ""
    """The rotated password; empty while it is the drawn one."""
    drifted: set[str] = field(default_factory=set)
    """What was changed outside and may be so still."""
    unseen: set[str] = field(default_factory=set)
    """What of it no refresh has told the state."""
    result: dict[str, Any] = field(default_factory=dict)
    """What every `up` makes, since the first one did."""
    catalog: list[Any] = field(default_factory=list)
    """The tables' own rows in the catalog, which nothing may touch again."""
    said: str = ""
    """What the step did."""

    @property
    def here(self) -> Environment:
        return Environment(self.dev, self.name)

    def step(self) -> None:
        """Do one random thing and compare everything with the model."""
        operations: list[Callable[[], None]] = [self.bring_up, self.bring_up, self.kill_up]
        operations += [self.preview, self.configure, self.edit, self.permit]
        if self.up:
            operations += [self.write, self.write, self.clear, self.rotate, self.reset]
            operations += [self.drift, self.drift, self.refresh]
            operations += [self.destroy, self.destroy, self.kill_destroy, self.kill_destroy]
        operation = self.random.choice(operations)
        self.said = operation.__name__
        operation()
        self.check()

    def bring_up(self) -> None:
        refresh = self.random.choice([(), ("--refresh",)])
        always = self.dev.settings.get("verify") == "always"
        same = self.up and not (self.changed or self.drifted or always)
        outcome = self.dev.up(*refresh, *(("--expect-no-changes",) if same else ()))
        if outcome.status and self.unseen and not refresh:
            # A Job met a change that only a refresh sees.
            self._assert_in_words(outcome)
            refresh = ("--refresh",)
            outcome = self.dev.up(*refresh)
        outcome.expect()
        self._is_up(refreshed=bool(refresh))

    def kill_up(self) -> None:
        if self.up:
            self.configure()
        self._stop("up", self.random.randrange(1, 10 if self.up else 40))
        recover(self.dev).expect()
        self._is_up(refreshed=True)

    def preview(self) -> None:
        self.dev.preview(*self.random.choice([(), ("--refresh",)])).expect()

    def refresh(self) -> None:
        self.dev.pulumi("refresh", "--yes", "--skip-preview", "--stack", self.dev.stack).expect()
        self.unseen.clear()

    def configure(self) -> None:
        self.dev.configure(
            timeoutSeconds=self.random.randrange(200, 900),
            name=self.random.choice(["first", "second"]),
            verify=self.random.choice(["onChange", "always"]),
        )
        self.changed = True

    def edit(self) -> None:
        """Change a file of the ConfigMap."""
        with (self.dev.folder / "components/schema/migrate.sh").open("a") as script:
            script.write(f"# {self.random.getrandbits(64):x}\n")
        self.changed = True

    def permit(self) -> None:
        self.dev.configure(allowDataLoss=self.random.choice([True, False]))
        self.changed = True

    def write(self) -> None:
        self.here.execute(ROW)
        self.rows += 1

    def clear(self) -> None:
        self.here.execute("DELETE FROM checkpoints")
        self.rows = 0

    def rotate(self) -> None:
        """Give the Jobs' role another password, in the database and in Vault."""
        self.password = f"{self.random.getrandbits(64):x}"
        self.here.execute(
            f"ALTER ROLE \"{self.here.database}_migrator\" PASSWORD '{self.password}'"
        )
        mount = f"-mount={self.dev.settings['vaultKvMount']}"
        self.here.bao("kv", "patch", mount, SECRET, f"password={self.password}")

    def drift(self) -> None:
        others = [name for name in DRIFTS if name not in self.drifted]
        chosen = self.random.sample(others, min(len(others), self.random.randrange(1, 4)))
        self.said += f" ({', '.join(chosen)})"
        for name in chosen:
            DRIFTS[name].change(self.here)
        self.drifted.update(chosen)
        self.unseen.update(chosen)

    def reset(self) -> None:
        """Drop the tables by hand; the migration run again makes them anew."""
        self.here.execute(f"DROP TABLE {', '.join(TABLES)}")
        self.here.kubectl("delete", "jobs", "--all")
        self.dev.up("--refresh").expect()
        self.rows, self.catalog = 0, []
        self._is_up(refreshed=True)

    def destroy(self) -> None:
        outcome = self.dev.destroy()
        if outcome.status and self.drifted:
            self._assert_in_words(outcome)
            self.dev.up("--refresh").expect()
            self._is_up(refreshed=True)
            outcome = self.dev.destroy()
        if self._is_kept():
            self.said += " (refused)"
            assert outcome.status != 0
            assert "refusing to drop tables that hold data" in outcome.text
            self._assert_in_words(outcome)
        else:
            outcome.expect()
            self._is_gone()

    def kill_destroy(self) -> None:
        # The first steps are those that matter: the rollback, then the Jobs.
        self._stop("destroy", int(40 ** self.random.random()))
        self.dev.pulumi("cancel", "--yes", "--stack", self.dev.stack).expect()
        if self.random.choice([True, False]) and has_secrets(self.dev):
            self._come_back()
        else:
            self.destroy()

    def check(self) -> None:
        pending = deployed(self.dev).get("pending_operations")
        assert not pending, pending
        if not self.up:
            left = residue(self.dev)
            assert not left, left
            return
        with connect(self.dev, self.here.database) as connection:
            assert tables(connection) == set(TABLES)
            found = connection.execute("SELECT count(*) FROM checkpoints").fetchone()
            assert found == (self.rows,), (found, self.rows)
            assert connection.execute(INVALID.encode()).fetchone() == (0,)
            catalog = connection.execute(CATALOG.encode()).fetchall()
        self.catalog = self.catalog or catalog
        assert catalog == self.catalog, (catalog, self.catalog)
        inside = credential(self.dev)
        connect(self.dev, self.here.database, as_parameters(inside)).close()
        assert self.password in ("", inside["password"])
        if not self.drifted:
            self._assert_same_result()

    def _assert_same_result(self) -> None:
        now = result(self.dev, self.name)
        self.result = self.result or now
        other = {key: (now[key], self.result[key]) for key in now if now[key] != self.result[key]}
        assert not other, other

    def _assert_in_words(self, outcome: Outcome) -> None:
        assert "Traceback" not in outcome.text, outcome.text

    def _come_back(self) -> None:
        """Bring up what is half destroyed, as docs/destroy.md says."""
        kept = self._is_kept()
        self.here.kubectl("delete", "jobs", "--selector", JOBS)
        recover(self.dev).expect()
        ((rows,),) = self.here.query("SELECT count(*) FROM checkpoints")
        self.said += f" (came back with {rows} of {self.rows} rows)"
        if not kept and rows in (0, self.rows):
            self.rows, self.catalog = rows, []
        self._is_up(refreshed=True)

    def _stop(self, command: str, steps: int) -> None:
        """Run a command and end it by force when so many of its steps have begun."""
        with running(self.dev, command, "--yes", "--skip-preview") as process:
            process.wait_for_steps(steps)
            how = self.random.choice([process.kill, process.interrupt])
            how()
            outcome = process.result()
        self._assert_in_words(outcome)
        self.said += f" ({how.__name__} at step {steps}: {outcome.status})"

    def _is_kept(self) -> bool:
        return self.rows > 0 and not self.permitted

    def _is_up(self, *, refreshed: bool) -> None:
        if not self.up:
            self.catalog = []
        self.up, self.changed = True, False
        self.name = self.dev.settings["name"]
        self.permitted = self.dev.settings["allowDataLoss"]
        if refreshed:
            self.unseen.clear()
        self.drifted &= self.unseen

    def _is_gone(self) -> None:
        self.up, self.rows, self.password = False, 0, ""
        self.drifted.clear()
        self.unseen.clear()


def walk(dev: Deployment, seed: int, steps: int, say: Callable[[str], object]) -> None:
    """Walk so many steps; say the seed that repeats them, and each step."""
    dev.configure(name="first", allowDataLoss=False)
    under_way = Walk(dev, Random(seed))  # noqa: S311
    say(f"SEED={seed} STEPS={steps}")
    for number in range(1, steps + 1):
        begun = time.monotonic()
        try:
            under_way.step()
        finally:
            say(f"{number}. {under_way.said}, {time.monotonic() - begun:.0f} s")
