"""One embedded stack for the whole session, and environments on it."""

import os
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from devstack import stack
from devstack.environment import environment
from devstack.toolchain import WITH_RCLONE, images
from tests.support.database import connect
from tests.support.deployer import make_deployer
from tests.support.deployment import Deployment
from tests.support.second_server import second_server

DEV = {
    "manageNamespace": True,
    "manageVaultAuthMount": True,
    "manageVaultKvMount": True,
    "manageDatabase": True,
    "manageSecret": True,
    "keepSecretVersions": False,
    "backoffLimit": 0,
}


@pytest.fixture(scope="session")
def devstack(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Start a stack of this session's own; return the variables that point tools at it.

    POSTGRES_VERSION has another major version's server beside it take the place of the stack's.
    """
    name = f"test-{os.getpid()}"
    version = int(os.environ.get("POSTGRES_VERSION", "0"))
    with pytest.MonkeyPatch.context() as patch:
        if any(item.get_closest_marker("lane") for item in request.session.items):
            patch.setenv(WITH_RCLONE, "1")
        # pg_dump refuses a server that is newer than itself.
        patch.setattr(images, "POSTGRESQL", max(images.POSTGRESQL, version))
        stack.up(name, lambda _: None)
        environ = environment(name)
        with second_server(environ, version) if version else nullcontext(environ) as reached:
            yield reached
        stack.down(name, lambda _: None, purge=True)


def names(stack_name: str) -> dict[str, Any]:
    """Return settings whose names meet no other environment's."""
    return {
        "namespace": stack_name,
        "vaultAuthMount": f"{stack_name}-kubernetes",
        "vaultKvMount": f"{stack_name}-kv",
        "vaultRole": stack_name,
        "vaultPolicy": stack_name,
        "databaseName": stack_name,
    }


@pytest.fixture(scope="session")
def documented_deployer(devstack: dict[str, str]) -> dict[str, str]:
    """Return the login of a role with the documented rights: no test needs more of PostgreSQL."""
    with connect(devstack, "postgres") as admin:
        return make_deployer(admin, "documented_deployer")


@pytest.fixture(scope="session")
def deploy(
    devstack: dict[str, str],
    documented_deployer: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., Deployment]:
    """Make environments on the session's stack; they end with it."""

    def make(name: str, /, **settings: Any) -> Deployment:
        folder: Path = tmp_path_factory.mktemp(name) / "program"
        made = Deployment(folder, name, devstack, **(names(name) | settings))
        made.deployer |= documented_deployer
        return made

    return make


@pytest.fixture(scope="session")
def clone(
    devstack: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Deployment]:
    """Make copies of the program that have neither a stack nor settings yet."""

    def make(name: str) -> Deployment:
        folder: Path = tmp_path_factory.mktemp(name) / "program"
        return Deployment(folder, name, devstack, initialize=False)

    return make


@pytest.fixture(scope="module")
def dev(deploy: Callable[..., Deployment], request: pytest.FixtureRequest) -> Deployment:
    """Return an environment like dev, up and verified; each test module has its own."""
    name = request.module.__name__.rsplit(".", 1)[-1].removeprefix("test_").replace("_", "-")
    deployment = deploy(name, **DEV)
    deployment.up().expect()
    return deployment
