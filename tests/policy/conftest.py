"""Runs the real engine with the policy pack; previews need none of the stack's servers."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from devstack import toolchain
from tests.support.deployment import REPOSITORY, Deployment

PACK = REPOSITORY / "policy"


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the variables that give the engine its plugins and point it at no server."""
    folder = tmp_path_factory.mktemp("engine")
    tools = toolchain.ensure(lambda _: None)
    tools.offer_plugins(folder / "home")
    return {
        "PATH": os.pathsep.join([str(tools.bin), os.environ["PATH"]]),
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_CONFIG_PASSPHRASE": "devstack",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        # As .github/workflows/preview.yml has them where there is no secret and no variable.
        "KUBECONFIG": str(REPOSITORY / ".github" / "kubeconfig.yaml"),
        "VAULT_ADDR": "https://vault.example.com:8200",
        "VAULT_TOKEN": "none",
        "PGHOST": "postgres.example.com",
    }


def settings(environment: str) -> dict[str, str]:
    """Return the settings of a committed environment."""
    text = (REPOSITORY / f"Pulumi.{environment}.yaml").read_text()
    return {key.split(":")[1]: value for key, value in yaml.safe_load(text)["config"].items()}


@pytest.fixture
def environment(engine: dict[str, str], tmp_path: Path) -> Callable[..., Deployment]:
    """Make a committed environment, with further settings, ready for a preview."""

    backend = {"PULUMI_BACKEND_URL": f"file://{tmp_path}"}

    def make(name: str, **further: Any) -> Deployment:
        given: dict[str, Any] = settings(name)
        del given["environment"]
        return Deployment(tmp_path / name, name, engine | backend, **(given | further))

    return make
