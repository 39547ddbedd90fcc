"""The mounts of Vault that an environment may ask this program to own."""

import base64
from collections.abc import Sequence
from typing import TypedDict

import pulumi
import pulumi_vault as vault

from ..inputs.storage import CheckpointStorageArgs
from ..kubernetes.files import digest
from ..kubernetes.manifests import PART_OF, service_account
from ..kubernetes.object import KubernetesObject
from ..ownership.check import OwnershipCheck


def vault_mounts(
    name: str,
    args: CheckpointStorageArgs,
    *,
    check: OwnershipCheck,
    parent: pulumi.Resource,
    needs: Sequence[pulumi.Resource],
) -> list[pulumi.Resource]:
    """Make the mounts that the environment is to own."""
    mounts: list[pulumi.Resource] = []
    if args.manage_vault_auth_mount:
        auth: KubernetesAuthMountArgs = {
            "path": args.vault_auth_mount,
            "kubernetes_host": args.kubernetes_host_for_vault,
            "check": check,
            "namespace": args.namespace,
            "needs": needs,
        }
        opts = pulumi.ResourceOptions(parent=parent)
        mounts.append(KubernetesAuthMount(f"{name}-auth", auth, opts))
    if args.manage_vault_kv_mount:
        mounts.append(
            vault.Mount(
                f"{name}-kv",
                path=args.vault_kv_mount,
                type="kv",
                options={"version": "2"},
                opts=pulumi.ResourceOptions(parent=parent, depends_on=needs),
            )
        )
    return mounts


class KubernetesAuthMountArgs(TypedDict):
    """Inputs of KubernetesAuthMount."""

    path: str
    """Mount path of the auth method."""
    kubernetes_host: str
    """URL of the Kubernetes API as Vault reaches it."""
    check: OwnershipCheck
    """Refuses to take over an object that others made."""
    namespace: str
    """Kubernetes namespace of the token reviewer."""
    needs: Sequence[pulumi.Resource]
    """What must be there before: the namespace, where it is created too."""


class KubernetesAuthMount(pulumi.ComponentResource):
    """Mounts Kubernetes auth and lets Vault review tokens as a ServiceAccount of its own.

    A reviewer with its own token works wherever Vault runs; it may review tokens and nothing else.
    """

    def __init__(
        self, name: str, args: KubernetesAuthMountArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("langgraph-checkpoint:index:KubernetesAuthMount", name, None, opts)

        token = self._reviewer_token(name, args)
        backend = vault.AuthBackend(
            f"{name}-backend",
            type="kubernetes",
            path=args["path"],
            opts=pulumi.ResourceOptions(parent=self, depends_on=args["needs"]),
        )
        vault.kubernetes.AuthBackendConfig(
            f"{name}-config",
            backend=backend.path,
            kubernetes_host=args["kubernetes_host"],
            kubernetes_ca_cert=_decoded(token, "ca.crt"),
            token_reviewer_jwt=pulumi.Output.secret(_decoded(token, "token")),
            disable_iss_validation=True,
            # CA and token are given. Where this is not said the provider's diff looks at Vault's
            # version, which it does not know in a preview without Vault: pulumi-vault 7.14 panics.
            disable_local_ca_jwt=True,
            opts=pulumi.ResourceOptions(parent=self),
        )

        self.register_outputs({})

    def _reviewer_token(self, name: str, args: KubernetesAuthMountArgs) -> KubernetesObject:
        # Known before it is made, so that a killed `up` is followed by the same one and not by
        # another; of this environment alone, since the binding is in no namespace.
        check = args["check"]
        whose = {
            "environment": check.environment,
            "namespace": args["namespace"],
            "path": args["path"],
        }
        reviewer = f"{PART_OF}-reviewer-{digest(whose)}"
        account = KubernetesObject(
            f"{name}-reviewer",
            service_account(args["namespace"], check.environment, reviewer),
            check,
            pulumi.ResourceOptions(parent=self, depends_on=args["needs"]),
        )
        binding = KubernetesObject(
            f"{name}-reviewer",
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": reviewer},
                "roleRef": {
                    "apiGroup": "rbac.authorization.k8s.io",
                    "kind": "ClusterRole",
                    "name": "system:auth-delegator",
                },
                "subjects": [
                    {"kind": "ServiceAccount", "name": reviewer, "namespace": args["namespace"]}
                ],
            },
            check,
            pulumi.ResourceOptions(parent=self, depends_on=[account]),
        )
        return KubernetesObject(
            f"{name}-reviewer",
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "type": "kubernetes.io/service-account-token",
                "metadata": {
                    "name": reviewer,
                    "namespace": args["namespace"],
                    "annotations": {"kubernetes.io/service-account.name": reviewer},
                },
            },
            check,
            pulumi.ResourceOptions(
                parent=self, depends_on=[binding], additional_secret_outputs=["data"]
            ),
        )


def _decoded(secret: KubernetesObject, key: str) -> pulumi.Output[str]:
    return secret.data.apply(lambda data: base64.b64decode(data[key]).decode())
