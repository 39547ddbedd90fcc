"""Rules about which image runs."""

import re
from collections.abc import Iterator

from .model import Resource
from .pods import containers

DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
# After the last slash, since before it stands a registry's port; no @, which begins a digest.
TAG = re.compile(r"^(?:.*/)?[^:/@]+:([^:/@]+)$")


def pinned(resource: Resource) -> Iterator[str]:
    """Refuse a tag that names no release, such as latest."""
    for container in containers(resource):
        image = str(container.get("image") or "")
        tag = TAG.match(image)
        if not DIGEST.search(image) and not (tag and re.search(r"\d", tag[1])):
            yield (
                f"container {container.get('name')}: expected an image with the tag of a release "
                f"or a digest, found {image!r}"
            )


def by_digest(resource: Resource) -> Iterator[str]:
    """Ask for a digest wherever somebody else depends on the environment."""
    if resource.environment == "dev":
        return
    for container in containers(resource):
        image = str(container.get("image") or "")
        if not DIGEST.search(image):
            yield (
                f"container {container.get('name')}: expected an image with a digest in "
                f"{resource.environment}, found {image!r}; name it as {image}@sha256:…"
            )
