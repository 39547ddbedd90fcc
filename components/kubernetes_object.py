"""Registers Kubernetes objects from plain manifests."""

from collections.abc import Mapping
from typing import Any

import pulumi


class KubernetesObject(pulumi.CustomResource):
    """An object of the official provider, by the manifest that kubectl would apply.

    The SDK's own classes of core/v1 take a third of a second of every command to import, see
    docs/decisions/0006.
    """

    metadata: pulumi.Output[dict[str, Any]]
    """The object's metadata as the API server returned it."""
    data: pulumi.Output[dict[str, str]]
    """A Secret's data."""

    def __init__(
        self, name: str, manifest: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        version, kind = manifest["apiVersion"], manifest["kind"]
        token = f"kubernetes:{version if '/' in version else f'core/{version}'}:{kind}"
        outputs = {"data": None} if kind == "Secret" else {}
        super().__init__(token, name, {**outputs, **manifest}, opts)
