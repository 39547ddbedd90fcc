"""Reads the stack's configuration by the declarations of Pulumi.yaml."""

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from pulumi.runtime.config import CONFIG, get_config_env


def config_key(field: str) -> str:
    """Return the configuration key of a settings field: `vault_role` is `vaultRole`."""
    first, *rest = field.split("_")
    return first + "".join(word.capitalize() for word in rest)


def given(project: str) -> dict[str, str]:
    """Return the stack's own keys and values; the SDK has no call that lists them."""
    everything = {**get_config_env(), **CONFIG.get()}
    prefix = f"{project}:"
    return {k.removeprefix(prefix): v for k, v in everything.items() if k.startswith(prefix)}


def unknown(found: Mapping[str, str], declared: Mapping[str, Any]) -> Iterator[str]:
    """Complain of keys that no setting has."""
    for key in sorted(found.keys() - declared.keys()):
        close = difflib.get_close_matches(key, declared, n=1)
        hint = f"did you mean {close[0]!r}" if close else "see the config section of Pulumi.yaml"
        yield f"{key}: no such setting; {hint}"


def parse(declaration: Mapping[str, Any], text: str | None) -> Any:
    """Return the value of a key, the default where it is not set.

    Raises:
        ValueError: it is of another type than declared.

    """
    if text is None:
        return declaration["default"]
    if declaration["type"] == "string":
        return text
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if type(value) is not type(declaration["default"]):
        msg = f"expected {declaration['type']}, found {text!r}"
        raise ValueError(msg)
    return value
