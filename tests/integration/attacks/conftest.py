"""One environment for all attacks; a test that damages it repairs it."""

from collections.abc import Callable

import pytest

from tests.integration.conftest import DEV
from tests.support.deployment import Deployment
from tests.support.pods import Pods
from tests.support.vault_api import VaultApi


@pytest.fixture(scope="session")
def dev(deploy: Callable[..., Deployment]) -> Deployment:
    deployment = deploy("attacks", **DEV)
    deployment.up().expect()
    return deployment


@pytest.fixture(scope="session")
def vault(dev: Deployment) -> VaultApi:
    return VaultApi(dev)


@pytest.fixture(scope="session")
def pods(dev: Deployment) -> Pods:
    return Pods(dev)
