"""Logins that end: before `up`, and while the state still holds them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.clients.kubernetes import CURE
from devstack.waiting import wait_until
from tests.integration.conftest import DEV
from tests.support.database import connect
from tests.support.deployment import Deployment, Outcome
from tests.support.failures import compare_line
from tests.support.kubeconfigs import V1

ACCOUNT = "short-lived"


class Account:
    """An administrator's ServiceAccount whose tokens can be ended at once."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._cluster = yaml.safe_load(Path(deployment.environ["KUBECONFIG"]).read_text())
        role = ("--clusterrole=cluster-admin", f"--serviceaccount=default:{ACCOUNT}")
        self._kubectl("create", "clusterrolebinding", ACCOUNT, *role)
        self._kubectl("create", "serviceaccount", ACCOUNT)

    def token(self) -> str:
        """Return a new token."""
        return self._kubectl("create", "token", ACCOUNT)

    def end_tokens(self) -> None:
        """Have no earlier token count any more, as if tomorrow were here."""
        old = self.kubeconfig({"token": self.token()})
        whoami = ("kubectl", f"--kubeconfig={old}", "auth", "whoami")
        # The API server remembers for ten seconds whom it let in: this one after all others.
        self._deployment.run(*whoami).expect()
        self._kubectl("delete", "serviceaccount", ACCOUNT)
        self._kubectl("create", "serviceaccount", ACCOUNT)
        wait_until(lambda: self._deployment.run(*whoami).status != 0, "an end of it", seconds=60)

    def kubeconfig(self, user: dict[str, Any]) -> str:
        """Write the kubeconfig of a user; return its path, always the same."""
        self._cluster["users"][0]["user"] = user
        path = self._deployment.folder / "short-lived.yaml"
        path.write_text(yaml.safe_dump(self._cluster))
        return str(path)

    def _kubectl(self, *arguments: str) -> str:
        return self._deployment.run("kubectl", "-n", "default", *arguments).expect().text.strip()


@pytest.fixture(scope="module")
def dev(deploy: Callable[..., Deployment]) -> Deployment:
    return deploy("logins", **DEV)


@pytest.fixture(scope="module")
def account(dev: Deployment) -> Account:
    return Account(dev)


def made(dev: Deployment) -> set[str]:
    """Return the types of what the state holds, but for the stack, providers and components."""
    resources = json.loads(dev.state())["deployment"].get("resources", [])
    kinds = {each["type"] for each in resources if each["custom"]}
    return {kind for kind in kinds if not kind.startswith("pulumi:providers:")}


def refresh(dev: Deployment, *arguments: str, **environ: str) -> Outcome:
    return dev.pulumi(
        "refresh", "--yes", "--skip-preview", "--stack", dev.stack, *arguments, **environ
    )


def test_an_expired_login_is_said_before_anything_is_made(
    dev: Deployment, account: Account
) -> None:
    token = account.token()
    account.end_tokens()

    said = dev.up(KUBECONFIG=account.kubeconfig({"token": token})).expect(1).text

    compare_line("kubernetes login", said, "nothing was made: ")
    assert made(dev) == set()
    with connect(dev, "postgres") as admin:
        name = dev.settings["databaseName"]
        assert not admin.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchall()


def test_a_plugin_whose_login_has_expired_is_said_before_anything_is_made(
    dev: Deployment, account: Account
) -> None:
    plugin = dev.folder / "log-in"
    plugin.write_text("#!/bin/sh\necho 'the session is over, run log-in' >&2\nexit 1\n")
    plugin.chmod(0o755)
    login = {"apiVersion": V1, "interactiveMode": "Never", "command": "./log-in"}

    said = dev.up(KUBECONFIG=account.kubeconfig({"exec": login})).expect(1).text

    compare_line("kubernetes plugin", said, "nothing was made: ")
    assert made(dev) == set()


def test_an_expired_token_of_vault_is_said_before_anything_is_made(dev: Deployment) -> None:
    said = dev.up(VAULT_TOKEN="hvs.of-yesterday").expect(1).text

    compare_line("vault login", said, "nothing was written: ")
    assert made(dev) == set()


def test_up_goes_through_with_new_logins(dev: Deployment, account: Account) -> None:
    dev.up(KUBECONFIG=account.kubeconfig({"token": account.token()})).expect()

    assert dev.outputs()["verification"]["ok"] is True


def test_destroy_says_how_to_replace_a_token_that_ended_in_the_state(
    dev: Deployment, account: Account
) -> None:
    account.end_tokens()
    anew = account.kubeconfig({"token": account.token()})

    # The state's kubeconfig counts, whatever KUBECONFIG says now.
    refresh(dev, KUBECONFIG=anew).expect(1)
    said = dev.destroy(KUBECONFIG=anew).expect(1).text

    compare_line("login in the state", said, "nothing was destroyed: ")
    # With the program it is the one of now, but only up puts it where the rollback finds it.
    refresh(dev, "--run-program", KUBECONFIG=anew).expect()
    assert CURE in dev.destroy(KUBECONFIG=anew).expect(1).text


def test_up_with_a_new_token_renews_the_state(dev: Deployment, account: Account) -> None:
    account.end_tokens()
    dev.up(KUBECONFIG=account.kubeconfig({"token": account.token()})).expect()

    refresh(dev).expect()
    dev.destroy().expect()


def test_a_plugin_in_the_state_logs_in_anew_each_time(dev: Deployment, account: Account) -> None:
    plugin, token = dev.folder / "log-in", dev.folder / "token"
    answer = {"apiVersion": V1, "kind": "ExecCredential", "status": {"token": "TOKEN"}}
    text = json.dumps(answer).replace("TOKEN", f"'$(cat {token})'")
    plugin.write_text(f"#!/bin/sh\necho '{text}'\n")
    token.write_text(account.token())
    login = {"apiVersion": V1, "interactiveMode": "Never", "command": str(plugin)}
    dev.up(KUBECONFIG=account.kubeconfig({"exec": login})).expect()

    account.end_tokens()
    token.write_text(account.token())

    refresh(dev).expect()
    dev.destroy().expect()
