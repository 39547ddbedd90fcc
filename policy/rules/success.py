"""The rule that `up` has not succeeded before its parts have."""

from collections.abc import Iterator

from .model import Resource, part

SKIP_AWAIT = "pulumi.com/skipAwait"
# Of other kinds nothing depends on more than that they exist.
MUST_SUCCEED = {"Job", "Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"}


def awaited(resource: Resource) -> Iterator[str]:
    """Refuse the annotation that makes Pulumi report success when the object exists."""
    manifest = resource.manifest
    annotations = part(part(manifest, "metadata"), "annotations")
    found = str(annotations.get(SKIP_AWAIT, "false")).lower()
    if manifest.get("kind") in MUST_SUCCEED and found != "false":
        yield f"expected {manifest['kind']} to be awaited, found {SKIP_AWAIT} {found}"
