"""Registers Kubernetes objects from plain manifests, as this stack's own."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from ..ownership.annotations import OWNER
from ..ownership.check import OwnershipCheck

# By default server-side apply leaves a field as it is that somebody else has changed.
FORCED = {"pulumi.com/patchForce": "true"}


class KubernetesObject(pulumi.CustomResource):
    """An object of the official provider, by the manifest that kubectl would apply.

    It bears the stack's id, and nothing that bears another one is overwritten. The SDK's own
    classes of core/v1 take a third of a second of every command to import, see docs/decisions/0006.
    """

    metadata: pulumi.Output[dict[str, Any]]
    """The object's metadata as the API server returned it."""
    data: pulumi.Output[dict[str, str]]
    """A Secret's data."""

    def __init__(
        self,
        name: str,
        manifest: Mapping[str, Any],
        check: OwnershipCheck,
        opts: pulumi.ResourceOptions,
        *,
        before_check: Sequence[pulumi.ResourceHook] = (),
        before_create: Sequence[pulumi.ResourceHook] = (),
        on_error: Sequence[pulumi.ErrorHook] = (),
    ) -> None:
        version, kind = manifest["apiVersion"], manifest["kind"]
        token = f"kubernetes:{version if '/' in version else f'core/{version}'}:{kind}"
        outputs = {"data": None} if kind == "Secret" else {}
        hook = check.hook(f"{name}-{kind}")
        hooks = pulumi.ResourceHookBinding(
            before_create=[*before_check, hook, *before_create],
            before_update=[*before_check, hook],
            on_error=[*on_error],
        )
        own = pulumi.ResourceOptions(hooks=hooks)
        if kind == "ConfigMap":
            # Named by its content: after a failed `up` the old one's deletion is still to come, and
            # would take the one that is made when the change is taken back.
            own.delete_before_replace = True
        opts = pulumi.ResourceOptions.merge(opts, own)
        # What outlives its stack is the environment's: the next stack draws another id.
        mark = {} if opts.retain_on_delete else {OWNER: check.owner}
        super().__init__(token, name, {**outputs, **_annotated(manifest, mark)}, opts)


def _annotated(
    manifest: Mapping[str, Any], mark: Mapping[str, pulumi.Input[str]]
) -> dict[str, Any]:
    metadata = manifest["metadata"]
    annotations = {**metadata.get("annotations", {}), **mark, **FORCED}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}
