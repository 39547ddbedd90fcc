"""Reads an environment's settings where no Pulumi engine runs."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pulumi
import yaml
from msgspec.structs import replace
from pulumi.runtime.settings import Settings as Engine
from pulumi.runtime.settings import configure

from components.inputs.checks import InputsError
from components.inputs.storage import CheckpointStorageArgs
from components.settings.settings import PROJECT_FILE
from components.settings.settings import load as settings

VARIABLES = ("VAULT_ADDR", "VAULT_CACERT", "VAULT_NAMESPACE", "PGHOST", "PGPORT", "PGSSLROOTCERT")
# The cluster is the deployer's matter, and a mount is nothing that it can make.
OVERRULED = {"kubeconfig": "", "kubeContext": "", "manageVaultAuthMount": "false"}
# No file holds it; the settings ask that there is one.
NOT_READ = "databasePassword"
ENCRYPTED = "encrypted"


def load(
    environment: str,
    folder: Path = PROJECT_FILE.parent,
    environ: Mapping[str, str] = os.environ,
) -> CheckpointStorageArgs:
    """Return the component's inputs for the checked settings of Pulumi.ENVIRONMENT.yaml.

    Raises:
        InputsError: names every problem at once.
        FileNotFoundError: there is no such environment.
    """
    text = (folder / f"Pulumi.{environment}.yaml").read_text()
    stack: dict[str, dict[str, Any] | None] = yaml.safe_load(text) or {}
    given = stack.get("config") or {}
    project = yaml.safe_load(PROJECT_FILE.read_text())["name"]
    _refuse_encrypted(given, {f"{project}:{key}" for key in (NOT_READ, *OVERRULED)})
    overruled = {f"{project}:{key}": value for key, value in OVERRULED.items()}
    configure(Engine(project=project, stack=environment))
    pulumi.runtime.set_all_config({key: _text(value) for key, value in given.items()} | overruled)
    variables = {name: environ[name] for name in VARIABLES if name in environ}
    args = settings({**variables, "KUBECONFIG": ""})
    # No deployer makes the database, so no rollback of theirs speaks for all that is in it.
    # What runs on a schedule is not rendered, so nothing here has to be able to dump for it.
    return replace(args, manage_database=False, backup_schedule="")


def _refuse_encrypted(given: Mapping[str, Any], allowed: set[str]) -> None:
    keys = sorted(key for key, value in given.items() if _is_encrypted(value))
    if others := ", ".join(key for key in keys if key not in allowed):
        msg = f"expected plain text, found an encrypted value of {others}: it would be in the files"
        raise InputsError(msg)


def _text(value: object) -> str:
    if _is_encrypted(value):
        return ENCRYPTED
    return value if isinstance(value, str) else json.dumps(value)


def _is_encrypted(value: object) -> bool:
    """Tell whether a value is a secret, or holds one."""
    if isinstance(value, dict):
        found = cast("dict[str, object]", value)
        return "secure" in found or any(_is_encrypted(each) for each in found.values())
    return isinstance(value, list) and any(
        _is_encrypted(each) for each in cast("list[object]", value)
    )
