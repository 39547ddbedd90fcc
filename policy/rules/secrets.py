"""The rule that keeps secrets out of what many may read."""

import base64
import bz2
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from .model import Resource, part
from .pods import containers

NAME = re.compile(
    r"(^|[_.-])(password|passwd|secret|token|credentials?|(api|access|private|secret)[_-]?key|dsn)$"
    r"|^PGPASSWORD$",
    re.IGNORECASE,
)
# What a secret looks like whatever its name is.
CONTENT = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "a URL with a password": re.compile(r"://[^\s:/@'\"$]+:[^\s/@'\"$]+@"),
    "a token of Vault": re.compile(r"\bhv[sbr]\.[\w-]{20,}"),
    "a JSON web token": re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\."),
}


def hidden(resource: Resource) -> Iterator[str]:
    """Look at names and contents: a policy pack gets secrets like any other value.

    What a resource carries as `files`, to make a ConfigMap of it on destroy, counts as one.
    """
    manifest = resource.manifest
    if manifest.get("kind") == "ConfigMap":
        yield from _open(part(manifest, "data"), "the ConfigMap's key")
    elif "files" in resource.props:
        yield from _open(_unpacked(resource.props["files"]), "the ConfigMap's key")
    for container in containers(resource):
        where = f"container {container.get('name')}: environment variable"
        for variable in container.get("env") or ():
            if "secretKeyRef" in part(variable, "valueFrom"):
                yield f"{where} {variable['name']}: expected a file, found a Secret's value"
            yield from _open({variable["name"]: variable.get("value") or ""}, where)
        for source in container.get("envFrom") or ():
            if "secretRef" in source:
                yield f"container {container.get('name')}: expected files, found envFrom a Secret"


def _unpacked(text: str) -> dict[str, str]:
    """Return the files as components/kubernetes/files.py packs them."""
    return json.loads(bz2.decompress(base64.b64decode(text)))


def _open(values: Mapping[str, Any], where: str) -> Iterator[str]:
    for name in values:
        value = str(values[name])
        if value and NAME.search(name):
            yield f"{where} {name}: expected no secret, found a name that promises one"
        for what, pattern in CONTENT.items():
            if pattern.search(value):
                yield f"{where} {name}: expected no secret, found {what}"
