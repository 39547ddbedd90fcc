"""Cuts a kubeconfig down to the one cluster that an environment uses."""

from typing import Any

import yaml


class KubeconfigError(ValueError):
    """What is wrong with a kubeconfig, in words that quote nothing of it: it holds credentials."""


def chosen(text: str, context: str) -> str:
    """Return a kubeconfig of one context, its cluster and its user; empty means the current one.

    Other people's clusters stay out of the state, and a change in them is no change here.

    Raises:
        KubeconfigError: the text is no kubeconfig or has no such context.

    """
    try:
        config: dict[str, Any] = yaml.safe_load(text)
        context = context or config["current-context"]
        here = _named(config["contexts"], context)
        cluster = _named(config["clusters"], here["context"]["cluster"])
        name = here["context"].get("user")
        everybody: list[dict[str, Any]] = config.get("users") or []
        users = [user for user in everybody if user["name"] == name]
    except (yaml.YAMLError, AttributeError, LookupError, TypeError) as error:
        # Without the cause: a parser's error shows the line it stumbled over.
        msg = (
            f"expected a kubeconfig with the context {context!r} and its cluster, found none "
            f"({type(error).__name__})"
        )
        raise KubeconfigError(msg) from None
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": context,
            "contexts": [here],
            "clusters": [cluster],
            "users": users,
        }
    )


def server(text: str) -> str:
    """Return the API server's URL of what `chosen` returned; empty if there is no kubeconfig."""
    return yaml.safe_load(text)["clusters"][0]["cluster"]["server"] if text else ""


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return {entry["name"]: entry for entry in entries}[name]
