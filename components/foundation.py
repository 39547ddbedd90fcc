"""What lies beneath everything else: the namespace and Vault's mounts."""

import pulumi
import pulumi_vault as vault

from .data_guard import DataGuard
from .existing import Guard, VaultServer
from .kubeconfig import server
from .kubernetes_object import KubernetesObject
from .manifests import Cluster, restricted_namespace
from .storage_args import CheckpointStorageArgs
from .vault_mounts import KubernetesAuthMount, KubernetesAuthMountArgs


def foundation(
    name: str, args: CheckpointStorageArgs, guard: DataGuard, parent: pulumi.Resource
) -> list[pulumi.Resource]:
    """Return the guard, and the namespace and mounts that the environment is to own."""
    owned: list[pulumi.Resource] = [guard]
    if args["manage_namespace"]:
        owned.append(
            KubernetesObject(
                f"{name}-namespace",
                restricted_namespace(args["namespace"], args["environment"]),
                opts=pulumi.ResourceOptions(
                    parent=parent,
                    depends_on=[guard],
                    hooks=existing_guard(args).hooks(f"{name}-namespace"),
                ),
            )
        )
    if "kubernetes_host" in args["vault"]:
        auth: KubernetesAuthMountArgs = {
            "path": args["vault"]["auth_mount"],
            "kubernetes_host": args["vault"]["kubernetes_host"],
            "environment": args["environment"],
            "namespace": args["namespace"],
            "needs": [*owned],
        }
        opts = pulumi.ResourceOptions(parent=parent)
        owned.append(KubernetesAuthMount(f"{name}-auth", auth, opts))
    if args["vault"]["manage_kv_mount"]:
        owned.append(
            vault.Mount(
                f"{name}-kv",
                path=args["vault"]["kv_mount"],
                type="kv",
                options={"version": "2"},
                opts=pulumi.ResourceOptions(parent=parent, depends_on=[guard]),
            )
        )
    return owned


def existing_guard(args: CheckpointStorageArgs) -> Guard:
    """Return what refuses to take over an object of somebody else."""
    cluster = Cluster(kubeconfig=args["kubeconfig"], context=args["kube_context"])
    server_of_vault = VaultServer(**args["vault"]["server"])
    return Guard(environment=args["environment"], cluster=cluster, vault=server_of_vault)


def data_holders(args: CheckpointStorageArgs) -> dict[str, str]:
    """Return what holds the rows and is dropped once it leaves the settings, and the schema."""
    vault_args, database = args["vault"], args["database"]
    owned = {
        "namespace": (args["manage_namespace"], args["namespace"]),
        "KV mount": (vault_args["manage_kv_mount"], vault_args["kv_mount"]),
        "database": (database["manage"], database["name"]),
        "schema": (True, database["schema"]),
    }
    return {what: name for what, (managed, name) in owned.items() if managed}


def namespace_server(args: CheckpointStorageArgs) -> str:
    """Return the API server that a managed namespace is removed from once it is another one."""
    return server(args["kubeconfig"]) if args["manage_namespace"] else ""
