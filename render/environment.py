"""Reads an environment's settings where no Pulumi engine runs."""

import os
from pathlib import Path

import pulumi
import yaml
from pulumi.runtime.settings import Settings as Engine
from pulumi.runtime.settings import configure

from components.environment_args import storage_args
from components.settings import PROJECT_FILE, Settings
from components.storage_args import CheckpointStorageArgs

# The cluster is the deployer's matter, so nothing of a kubeconfig is read; nor is a password.
VARIABLES = ("VAULT_ADDR", "VAULT_CACERT", "VAULT_NAMESPACE", "PGHOST", "PGPORT", "PGSSLROOTCERT")
# It would ask for the address of a cluster, and a mount is nothing that a deployer can make.
NOT_RENDERED = {"manageVaultAuthMount": "false"}
ENCRYPTED = "encrypted in the stack's configuration"


def load(environment: str, folder: Path = PROJECT_FILE.parent) -> CheckpointStorageArgs:
    """Return the component's inputs for the checked settings of Pulumi.ENVIRONMENT.yaml.

    Raises:
        SettingsError: names every problem at once.
        FileNotFoundError: there is no such environment.
    """
    given = yaml.safe_load((folder / f"Pulumi.{environment}.yaml").read_text())["config"]
    project = yaml.safe_load(PROJECT_FILE.read_text())["name"]
    overruled = {f"{project}:{key}": value for key, value in NOT_RENDERED.items()}
    configure(Engine(project=project, stack=environment))
    pulumi.runtime.set_all_config({key: _text(value) for key, value in given.items()} | overruled)
    environ = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    return storage_args(Settings.load({**environ, "KUBECONFIG": ""}))


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ENCRYPTED
    return str(value).lower() if isinstance(value, bool) else str(value)
