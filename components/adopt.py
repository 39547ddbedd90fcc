"""Names what exists in the import file that `pulumi preview` wrote, for `pulumi import`.

pulumi preview --json --import-file FILE | python -m components.adopt FILE [RESOURCE...]
"""

import json
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

# How each provider names what it imports, by the inputs. What is missing here is made anew: Jobs
# and dynamic resources, which hold nothing, drawn passwords and whatever has a random name.
IDS = {
    "kubernetes:core/v1:Namespace": "{metadata[name]}",
    "kubernetes:core/v1:ServiceAccount": "{metadata[namespace]}/{metadata[name]}",
    "kubernetes:networking.k8s.io/v1:NetworkPolicy": "{metadata[namespace]}/{metadata[name]}",
    "postgresql:index/database:Database": "{name}",
    "postgresql:index/role:Role": "{name}",
    "vault:index/authBackend:AuthBackend": "{path}",
    "vault:index/mount:Mount": "{path}",
    "vault:index/policy:Policy": "{name}",
    "vault:kubernetes/authBackendConfig:AuthBackendConfig": "auth/{backend}/config",
    "vault:kubernetes/authBackendRole:AuthBackendRole": "auth/{backend}/role/{roleName}",
    "vault:kv/secretV2:SecretV2": "{mount}/data/{name}",
}


def named(
    document: dict[str, Any], preview: dict[str, Any], only: Collection[str] = ()
) -> dict[str, Any]:
    """Return the import file with the ids of all that may exist, or of `only` these resources."""
    inputs = {
        (step["newState"]["type"], step["urn"].rpartition("::")[2]): step["newState"]["inputs"]
        for step in preview["steps"]
        if step["op"] == "create" and "inputs" in step["newState"]
    }

    def resources() -> Iterator[dict[str, Any]]:
        for resource in document["resources"]:
            kind = resource["type"]
            given = inputs.get((kind, resource.get("logicalName", resource["name"])), {})
            autonamed = "pulumi.com/autonamed" in given.get("metadata", {}).get("annotations", {})
            if resource.get("component"):
                yield resource
            elif kind in IDS and not autonamed and (not only or resource["name"] in only):
                yield resource | {"id": IDS[kind].format_map(given)}

    return document | {"resources": list(resources())}


def main(path: Path, only: Collection[str]) -> None:
    """Rewrite the import file for `only` these resources, by the preview on standard input."""
    try:
        preview = json.load(sys.stdin)
    except ValueError:
        sys.exit("expected the JSON of a pulumi preview, found none: it failed, run it by itself")
    # Only now, since the preview writes it as it ends.
    document = named(json.loads(path.read_text()), preview, only)
    ids = {
        each["name"]: f"{each['type']}  {each['id']}"
        for each in document["resources"]
        if "id" in each
    }
    if unknown := sorted(set(only) - ids.keys()):
        sys.exit(
            f"expected resources that the preview creates and that can be imported, found "
            f"{', '.join(unknown)}; nothing was written"
        )
    path.write_text(json.dumps(document, indent=2))
    print(*ids.values(), sep="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
