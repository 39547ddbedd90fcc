"""The namespace of an environment that is to own it."""

from collections.abc import Sequence

import pulumi

from ..inputs.storage import CheckpointStorageArgs
from ..ownership.check import OwnershipCheck
from .manifests import restricted_namespace
from .object import KubernetesObject


def managed_namespace(
    name: str,
    args: CheckpointStorageArgs,
    *,
    check: OwnershipCheck,
    parent: pulumi.Resource,
    needs: Sequence[pulumi.Resource],
) -> list[pulumi.Resource]:
    """Make the namespace, where the environment is to own one."""
    if not args.manage_namespace:
        return []
    return [
        KubernetesObject(
            f"{name}-namespace",
            restricted_namespace(args.namespace, args.environment),
            check,
            pulumi.ResourceOptions(parent=parent, depends_on=needs),
        )
    ]
