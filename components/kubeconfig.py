"""Cuts a kubeconfig down to the one cluster that an environment uses."""

from pathlib import Path
from typing import Any

import yaml

FILES = {"certificate-authority", "client-certificate", "client-key"}


class KubeconfigError(ValueError):
    """What is wrong with a kubeconfig, in words that quote nothing of it: it holds credentials."""


def chosen(text: str, context: str, folder: Path | None = None) -> str:
    """Return a kubeconfig of one context, its cluster and its user; empty means the current one.

    Other people's clusters stay out of the state, and a change in them is no change here. Files
    that it names are looked for in `folder`, that of the kubeconfig, as kubectl does.

    Raises:
        KubeconfigError: the text is no kubeconfig, has no such context or no server, or names a
            file by a relative path where there is no folder.

    """
    try:
        config: dict[str, Any] = yaml.safe_load(text)
        context = context or config["current-context"]
        here = _named(config["contexts"], context)
        cluster = _named(config["clusters"], here["context"]["cluster"])
        name = here["context"].get("user")
        everybody: list[dict[str, Any]] = config.get("users") or []
        users = [user for user in everybody if user["name"] == name]
        _ = cluster["cluster"]["server"]
        for part in (cluster["cluster"], *(user["user"] for user in users)):
            _resolve(part, folder)
    except (yaml.YAMLError, AttributeError, LookupError, TypeError) as error:
        # Without the cause: a parser's error shows the line it stumbled over.
        msg = (
            f"expected a kubeconfig with the context {context!r}, its cluster and server, "
            f"found none ({type(error).__name__})"
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


def _resolve(part: dict[str, Any], folder: Path | None) -> None:
    """Make the paths of a cluster or a user absolute: as text it has no place of its own."""
    for key in FILES & part.keys():
        if folder:
            part[key] = str(folder / part[key])
        elif not Path(part[key]).is_absolute():
            msg = f"expected the content as {key}-data or an absolute path, found {key} relative"
            raise KubeconfigError(msg)


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return {entry["name"]: entry for entry in entries}[name]
