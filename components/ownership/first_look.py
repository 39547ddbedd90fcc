"""Asks Vault and the Kubernetes API one question each before anything is made.

A login that has expired would else be found in the midst of the first `up`, by a provider that
tries again for minutes, when the database is there and the access to it is not.
"""

# lightkube's generic signatures are only partially typed.
# pyright: reportUnknownMemberType=false

from http import HTTPStatus
from typing import Any

import pulumi

from ..clients.cluster import Cluster
from ..inputs.storage import CheckpointStorageArgs
from .servers import vault_server


def first_look(name: str, args: CheckpointStorageArgs) -> pulumi.ResourceHookBinding:
    """Return the hook of what is made first."""

    def look(_: pulumi.ResourceHookArgs) -> None:
        _at_the_cluster(args)
        server = vault_server(args)
        server.read(f"sys/policies/acl/{args.vault_policy}")

    return pulumi.ResourceHookBinding(before_create=[pulumi.ResourceHook(f"{name}-look", look)])


def _at_the_cluster(args: CheckpointStorageArgs) -> None:
    """Ask what the ownership check asks soon after, so that no other right is needed.

    Raises:
        RunError: the API server does not answer, or not to this login.

    """
    from httpx2 import HTTPError
    from lightkube import ApiError
    from lightkube.resources.core_v1 import Namespace, ServiceAccount

    from ..clients.kubernetes import LoginError, connect

    cluster = Cluster(kubeconfig=args.kubeconfig, context=args.kube_context)
    try:
        client: Any = connect(cluster)
        if args.manage_namespace:
            client.get(Namespace, args.namespace)
        else:
            client.get(ServiceAccount, args.service_account, namespace=args.namespace)
    except LoginError as error:
        msg = f"nothing was made: {error}"
        raise pulumi.RunError(msg) from None
    except (ApiError, HTTPError) as error:
        if isinstance(error, ApiError) and error.status.code == HTTPStatus.NOT_FOUND:
            return
        msg = (
            "nothing was made: expected the API server to answer as it answers kubectl, found "
            f"{type(error).__name__}: {error}; check kubeconfig, the cluster and your rights "
            "(docs/permissions.md)"
        )
        raise pulumi.RunError(msg) from None
