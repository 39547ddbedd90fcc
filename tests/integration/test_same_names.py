"""Two stacks of the same names, one after the other: neither takes what the other one made.

Two who run `up` on one stack at once are in test_interruptions.py.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import DEV
from tests.integration.test_servers import CATALOG, DESTROY, UP, run
from tests.support.database import TABLES, connect, tables
from tests.support.deployment import Deployment
from tests.support.documents import follow
from tests.support.failures import compare_line

KINDS = "namespaces,serviceaccounts,configmaps,jobs,networkpolicies,clusterrolebindings,secrets"
# What the first one made, and the second one is to use.
SHARED = {
    "manageNamespace": False,
    "manageVaultAuthMount": False,
    "manageVaultKvMount": False,
    "manageDatabase": False,
    "manageSecret": False,
    "backoffLimit": 0,
}


@pytest.fixture(scope="module")
def second(
    dev: Deployment, deploy: Callable[..., Deployment], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Deployment]:
    """Make another person's environment of the same name and settings, with a state of its own."""

    def make(**settings: Any) -> Deployment:
        folder: Path = tmp_path_factory.mktemp("second")
        (folder / "state").mkdir()
        environ = dev.environ | {"PULUMI_BACKEND_URL": f"file://{folder / 'state'}"}
        names = {key: value for key, value in dev.settings.items() if key != "environment"}
        made = Deployment(folder / "program", dev.stack, environ, **names | settings)
        made.deployer = dev.deployer
        return made

    return make


def owned(dev: Deployment) -> list[Any]:
    """Return all that the first one's objects, policies, roles, database and tables say."""
    found = dev.run("kubectl", "get", KINDS, "-A", "-o", "json").expect().text
    objects = [
        (item["kind"], item["metadata"]["name"], item["metadata"]["uid"], version(item))
        for item in json.loads(found)["items"]
    ]
    vault = [
        dev.run("bao", *command).expect().text
        for name in (dev.settings["vaultPolicy"], f"{dev.settings['vaultPolicy']}-app")
        for command in (
            ("policy", "read", name),
            ("read", f"auth/{dev.settings['vaultAuthMount']}/role/{name}"),
        )
    ]
    with connect(dev, dev.settings["databaseName"]) as connection:
        assert tables(connection) == set(TABLES)
        return [*sorted(objects), *vault, *connection.execute(CATALOG).fetchall()]


def version(item: dict[str, Any]) -> str:
    # A namespace's other objects come and go, and the API server counts them in some kinds.
    return json.dumps(item.get("metadata", {}).get("annotations")) + json.dumps(item.get("spec"))


@pytest.mark.parametrize(
    "settings", [DEV, SHARED], ids=["with all that it needs", "on somebody else's"]
)
def test_another_person_of_the_same_names_takes_nothing(
    dev: Deployment, second: Callable[..., Deployment], settings: dict[str, Any]
) -> None:
    other, before = second(**settings), owned(dev)

    for command in (*UP, *DESTROY):
        outcome = run(other, command)

        assert owned(dev) == before, command
        if command.startswith("up"):
            assert "nothing was overwritten: expected " in outcome.text
            assert "whose owner id is" in outcome.text
    dev.up("--refresh", "--expect-no-changes").expect()


def test_another_person_whose_account_is_new_does_not_drop_empty_tables(
    dev: Deployment, second: Callable[..., Deployment]
) -> None:
    mine = {key: "second" for key in ("serviceAccount", "vaultRole", "vaultPolicy")}
    other, before = second(**SHARED, **mine, manageNetworkPolicy=False), owned(dev)

    refused = other.up()
    compare_line("another stack's", refused.text, "nothing was overwritten: ")
    other.destroy().expect()

    assert owned(dev) == before


def test_taking_over_on_purpose_leaves_the_first_one_nothing_to_destroy(
    dev: Deployment, second: Callable[..., Deployment]
) -> None:
    account = dev.run(
        *("kubectl", "-n", dev.settings["namespace"], "get", "serviceaccount"),
        *(dev.settings.get("serviceAccount", "agent-executor"), "-o", "json"),
    ).expect()
    owner = json.loads(account.text)["metadata"]["annotations"]["langgraph-checkpoint/owner"]
    other = second(**SHARED)

    follow(other, "docs/adopt.md", "jobs").expect()
    follow(other, "docs/adopt.md", "take over", OWNER=owner, NEW_OWNER="another-one").expect()

    assert other.outputs()["verification"]["ok"] is True
    refused = dev.destroy()
    assert refused.status != 0
    compare_line("taken over", refused.text, "nothing was destroyed: ")
    dev.configure(takeOver="another-one")
    dev.up("--refresh").expect()
    with connect(dev, dev.settings["databaseName"]) as connection:
        assert tables(connection) == set(TABLES)
    dev.destroy().expect()
