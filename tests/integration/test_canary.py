"""The database's password is in Vault and in the pod's memory, and nowhere else.

Whether a search finds anything is shown by a setting that is no secret and travels the same ways.
"""

import json
import secrets
import subprocess
import threading
from base64 import b85encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from devstack import layout, processes
from devstack.cluster import NODE_INIT
from tests.integration.conftest import DEV
from tests.support.canary import Processes, encodings, files_with, save_api_objects
from tests.support.database import connect
from tests.support.deployment import Deployment

DEBUG = ("--debug", "--diff")
VERBOSE = (*DEBUG, "-v", "9", "--logtostderr", "--logflow")
MEMORY = "the pod's memory"
# Pulumi's own engine and bridge print every property there, see docs/permissions.md.
VERBOSE_LOG = "preview -v 9"


class Hunt:
    """The life of an environment, and where its passwords and its plain setting were seen."""

    def __init__(self, dev: Deployment, plain: str, folder: Path) -> None:
        self.dev, self.plain, self.folder = dev, plain, folder
        self.stack = layout.load(dev.environ["DEVSTACK_NAME"])
        self.passwords: list[str] = []
        self.searched: set[str] = set()
        self.plain_in: set[str] = set()
        self.password_in: dict[str, set[Path]] = {}

    def live(self) -> None:
        """Go from `up` to `destroy`, and search each place while it holds most."""
        with statements_logged(self.dev), Processes(self.folder):
            self._up()
        self._run("preview --debug", "preview", "--json", *DEBUG)
        self._run("preview -v 9", "preview", "--json", *VERBOSE)
        save_api_objects(self.dev, self.folder)
        self.search(self._places())
        self._run("destroy --debug", "destroy", "--yes", "--skip-preview", *DEBUG)
        state = self.stack.pulumi / "state"
        self.search({"destroy": self.folder / "destroy --debug", "state after destroy": state})

    def search(self, places: dict[str, Path]) -> None:
        """Look for the passwords and for the plain setting in each place."""
        for name, place in places.items():
            self.searched.add(name)
            if files_with(place, self.plain):
                self.plain_in.add(name)
            if found := files_with(place, *self.passwords):
                self.password_in[name] = found

    def _up(self) -> None:
        events = f"--event-log={self.folder / 'event log'}"
        with ThreadPoolExecutor(1) as pool:
            run = ("up --debug", "up", "--yes", "--skip-preview", events, *DEBUG)
            up = pool.submit(self._run, *run)
            with migration_held(self.dev, up.done):
                self._read_passwords()
                node = processes.running(self.stack.records / NODE_INIT)
                assert node
                root = Path(f"/proc/{node.pid}/root/run")
                memory = root / "kubelet/pods" / self._pod() / "volumes/kubernetes.io~empty-dir"
                self.search({MEMORY: memory, "containerd's run folder": root / "containerd"})
            up.result()

    def _run(self, name: str, *arguments: str) -> None:
        # Names the file of events, which only this variable makes an option.
        outcome = self.dev.pulumi(
            *arguments, "--stack", self.dev.stack, PULUMI_DEBUG_COMMANDS="true"
        )
        (self.folder / name).write_text(outcome.expect().text)

    def _pod(self) -> str:
        job = f"{self.dev.settings['name']}-migration-001"
        pods = json.loads(
            self.dev.run("kubectl", "get", "pods", "-A", f"-ljob-name={job}", "-o", "json").text
        )
        return pods["items"][0]["metadata"]["uid"]

    def _read_passwords(self) -> None:
        mount, base = self.dev.settings["vaultKvMount"], self.dev.settings["vaultSecretPath"]
        for path in [base, f"{base}-app"] if self.dev.settings["manageDatabase"] else [base]:
            secret = self.dev.run("bao", "kv", "get", "-format=json", f"-mount={mount}", path)
            self.passwords.append(json.loads(secret.expect().text)["data"]["data"]["password"])

    def _places(self) -> dict[str, Path]:
        stack, state = self.stack, self.stack.pulumi / "state" / ".pulumi"
        return {
            "Pulumi's state": state / "stacks",
            "Pulumi's history": state / "history",
            "Pulumi's backups": state / "backups",
            "program and settings": self.dev.folder,
            "etcd's files": stack.folder / "etcd",
            "containers' logs": stack.node / "log",
            "kubelet's files": stack.node / "kubelet",
            "images and containers": stack.node / "store",
            "daemons' logs": stack.logs,
            "API server's audit log": stack.audit / "kube-apiserver",
            "Vault's audit log": stack.audit / "vault.log",
            "Vault's storage": stack.vault / "data",
            "PostgreSQL's log": stack.logs / "postgresql.log",
            "PostgreSQL's files": stack.postgresql / "data",
            **{path.name: path for path in self.folder.iterdir()},
        }


@contextmanager
def statements_logged(dev: Deployment) -> Iterator[None]:
    with connect(dev, "postgres") as admin:
        admin.execute("ALTER SYSTEM SET log_statement = 'all'")
        admin.execute("SELECT pg_reload_conf()")
        try:
            yield
        finally:
            admin.execute("ALTER SYSTEM RESET log_statement")
            admin.execute("SELECT pg_reload_conf()")


@contextmanager
def migration_held(dev: Deployment, ended: Callable[[], bool]) -> Iterator[None]:
    """Let the block run while the migration, which has its credential, waits for a lock."""
    job = f"job/{dev.settings['name']}-migration-001"
    logs = ("kubectl", "-n", dev.settings["namespace"], "logs", job, "-c", "migrate")
    with connect_as_soon_as_possible(dev, ended) as other:
        key = "1279739699, hashtext(%s)"
        other.execute(f"SELECT pg_advisory_lock({key})", [dev.settings["databaseSchema"]])
        while "found one at work" not in dev.run(*logs).text:
            assert not ended()
            threading.Event().wait(0.1)
        yield


def connect_as_soon_as_possible(
    dev: Deployment, ended: Callable[[], bool]
) -> psycopg.Connection[tuple[object, ...]]:
    """Connect to a database that is being made; its migration begins seconds later."""
    while True:
        try:
            return connect(dev, dev.settings["databaseName"])
        except psycopg.OperationalError:
            assert not ended()
            threading.Event().wait(0.02)


def given_password(dev: Deployment) -> None:
    """Make the database outside, and its password a secret of the settings."""
    # Every byte value may come, and every letter that some encoding escapes.
    password = f"{b85encode(secrets.token_bytes(40)).decode()} \"\\'&<%/:"
    role = sql.Identifier(dev.stack)
    with connect(dev, "postgres") as admin:
        made = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(password))
        admin.execute(made)
        admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(role, role))
    with connect(dev, dev.stack) as admin:
        schema = sql.Identifier(dev.settings["databaseSchema"])
        admin.execute(sql.SQL("CREATE SCHEMA {} AUTHORIZATION {}").format(schema, role))
    command = ("pulumi", "config", "set", "--secret", "databasePassword", "--stack", dev.stack)
    subprocess.run(command, cwd=dev.folder, env=dev.environ, input=password, text=True, check=True)


@pytest.fixture(scope="module", params=["managed", "given"])
def hunt(
    request: pytest.FixtureRequest,
    deploy: Callable[..., Deployment],
    tmp_path_factory: pytest.TempPathFactory,
) -> Hunt:
    plain = f"plain{secrets.token_hex(10)}"
    names = {"name": plain, "vaultRole": plain, "databaseSchema": plain}
    names["vaultSecretPath"] = "canary/postgres"
    if request.param == "managed":
        dev = deploy("canary-managed", **DEV | names)
    else:
        own = {"manageDatabase": False, "databaseUsername": "canary-given"}
        dev = deploy("canary-given", **DEV | names | own)
        given_password(dev)
    hunt = Hunt(dev, plain, tmp_path_factory.mktemp("evidence"))
    hunt.live()
    return hunt


def test_a_plain_setting_is_found_by_each_search(hunt: Hunt) -> None:
    assert hunt.searched - hunt.plain_in <= {MEMORY}


def test_the_password_is_in_vault_and_the_pods_memory_and_nowhere_else(
    hunt: Hunt,
) -> None:
    found = {place: files for place, files in hunt.password_in.items() if place != VERBOSE_LOG}

    assert found.keys() == {MEMORY}, found


def test_pulumis_own_verbose_log_is_the_one_exception(hunt: Hunt) -> None:
    assert VERBOSE_LOG in hunt.password_in


@pytest.mark.parametrize("encoding", encodings("x"))
def test_every_encoding_of_it_is_found(encoding: str, tmp_path: Path) -> None:
    password = b85encode(secrets.token_bytes(40)).decode()
    leak = tmp_path / "log"
    leak.write_bytes(b"\x00password=" + encodings(password)[encoding][:30] + b"\n")

    assert files_with(tmp_path, password) == {leak}
    assert not files_with(tmp_path, password[::2] * 2)
