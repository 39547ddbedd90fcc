"""Reads an environment's settings, which are the component's inputs, and has them checked."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env

from ..inputs.checks import CheckedArgs, check, refusal
from ..inputs.description import inputs

PROJECT_FILE = Path(__file__).parents[2] / "Pulumi.yaml"


def load(environ: Mapping[str, str] = os.environ) -> CheckedArgs:
    """Read the stack's configuration; `environ` fills what its keys leave empty.

    Raises:
        InputsError: names every problem at once.

    """
    found, stack = given(pulumi.get_project()), pulumi.get_stack()
    args, problems = check(values(found), environ)
    if problem := _other_environment(found.get("environment", ""), stack):
        problems.insert(0, problem)
    if problems:
        what = f"the settings of environment {stack!r}"
        next_step = f"change them in Pulumi.{stack}.yaml or with: pulumi config set KEY VALUE"
        raise refusal(what, problems, next_step)
    return args


def given(project: str) -> dict[str, str]:
    """Return the stack's own keys and texts; the SDK has no call that lists them."""
    everything = {**get_config_env(), **CONFIG.get()}
    prefix = f"{project}:"
    return {k.removeprefix(prefix): v for k, v in everything.items() if k.startswith(prefix)}


def values(texts: Mapping[str, str]) -> dict[str, Any]:
    """Return what the texts of a configuration mean; a text that means nothing stays what it is."""
    strings = {each.key for each in inputs() if each.type == "string"}
    return {key: text if key in strings else _value(text) for key, text in texts.items()}


def _value(text: str) -> Any:
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return text if found is None else found


def _other_environment(environment: str, stack: str) -> str | None:
    if not environment:
        return (
            f"environment: expected {stack!r}, found nothing: this environment is unknown; "
            f"write Pulumi.{stack}.yaml, Pulumi.dev.yaml shows how"
        )
    if environment != stack:
        return (
            f"environment: expected the stack's name {stack!r}, found {environment!r}; "
            "these look like another environment's settings"
        )
    return None
