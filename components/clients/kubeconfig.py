"""Reads kubeconfigs as kubectl does, and cuts them down to the one cluster of an environment."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from .kubeconfig_rules import KubeconfigError, refuse

FILES = {"certificate-authority", "client-certificate", "client-key", "tokenFile", "command"}
# A kubeconfig, and the folder that its paths start from.
Source = tuple[dict[str, Any], Path | None]


def ambient(environ: Mapping[str, str], context: str) -> str:
    """Return what `chosen` makes of the files in KUBECONFIG or ~/.kube/config; empty without any.

    Raises:
        KubeconfigError: as of `chosen`.

    """
    default = str(Path.home() / ".kube" / "config")
    paths = [Path(path) for path in (environ.get("KUBECONFIG") or default).split(os.pathsep)]
    files = [path for path in paths if path.is_file()]
    try:
        texts = [(file.read_text(), file.parent.resolve()) for file in files]
    except (OSError, UnicodeError) as error:
        msg = f"expected text in the files of KUBECONFIG, found {type(error).__name__}"
        raise KubeconfigError(msg) from None
    return _one(texts, context) if texts else ""


def chosen(text: str, context: str) -> str:
    """Return a kubeconfig of one context, its cluster and its user; empty means the current one.

    Other people's clusters stay out of the state, and a change in them is no change here.

    Raises:
        KubeconfigError: the text is no kubeconfig, has no such context or no server, names a file
            by a relative path, or asks for what this program cannot do.

    """
    return _one([(text, None)], context)


def server(text: str) -> str:
    """Return the API server's URL of what `chosen` returned; empty if there is no kubeconfig."""
    return yaml.safe_load(text)["clusters"][0]["cluster"]["server"] if text else ""


def parts(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the cluster and the user of what `chosen` returned."""
    config = yaml.safe_load(text)
    users = config["users"]
    return config["clusters"][0]["cluster"], (users[0].get("user") or {}) if users else {}


def _one(texts: Sequence[tuple[str, Path | None]], context: str) -> str:
    """Cut to one context; where several files have one of its parts, the first counts."""
    try:
        sources: list[Source] = [(yaml.safe_load(text) or {}, folder) for text, folder in texts]
        currents = (config.get("current-context") for config, _ in sources)
        context = context or next(filter(None, currents), "")
        here, _ = _named(sources, "contexts", context)
        cluster, folder = _named(sources, "clusters", here["context"]["cluster"])
        _ = cluster["cluster"]["server"]
        _resolve(cluster["cluster"], folder)
        name = here["context"].get("user")
        users = [_user(*_named(sources, "users", name))] if name else []
        refuse(cluster["cluster"], users[0]["user"] if users else {})
    except (yaml.YAMLError, AttributeError, LookupError, TypeError) as error:
        # Without the cause: a parser's error shows the line it stumbled over.
        msg = (
            f"expected a kubeconfig with the context {context!r}, its cluster and server and the "
            f"user that it names, found none ({type(error).__name__})"
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


def _named(sources: Sequence[Source], kind: str, name: str) -> tuple[dict[str, Any], Path | None]:
    found = {
        entry["name"]: (entry, folder)
        for config, folder in reversed(sources)
        for entry in reversed(config.get(kind) or [])
    }
    return found[name]


def _user(entry: dict[str, Any], folder: Path | None) -> dict[str, Any]:
    user: dict[str, Any] = entry.get("user") or {}
    _resolve(user, folder)
    plugin: dict[str, Any] = user.get("exec") or {}
    # A command without a slash is looked for in PATH.
    if "/" in plugin.get("command", ""):
        _resolve(plugin, folder)
    return {**entry, "user": user}


def _resolve(part: dict[str, Any], folder: Path | None) -> None:
    """Make the paths of a part absolute: as text it has no place of its own."""
    for key in sorted(key for key in FILES & part.keys() if part[key]):
        if folder:
            part[key] = str(folder / part[key])
        elif not Path(part[key]).is_absolute():
            msg = f"expected an absolute path in {key}, since a text has no folder, found another"
            raise KubeconfigError(msg)
