"""Makes the data guard and the ownership check of one environment from the component's inputs."""

import pulumi

from ..clients.cluster import Cluster
from ..clients.kubeconfig import server
from ..inputs.derived import pem, ssl_mode
from ..inputs.storage import CheckpointStorageArgs
from .check import OwnershipCheck
from .data_guard import DataGuard
from .first_look import first_look
from .servers import POSTGRESQL, VAULT, Servers, vault_server


def ownership_check(args: CheckpointStorageArgs, owner: pulumi.Input[str]) -> OwnershipCheck:
    """Return what refuses to take over an object of another stack or of nobody known."""
    cluster = Cluster(kubeconfig=args.kubeconfig, context=args.kube_context)
    vault = vault_server(args)
    return OwnershipCheck(environment=args.environment, owner=owner, cluster=cluster, vault=vault)


def data_guard(
    name: str, args: CheckpointStorageArgs, parent: pulumi.Resource | None = None
) -> DataGuard:
    """Return what everything waits for; a program's providers too, so that none goes elsewhere."""
    return DataGuard(
        f"{name}-guard",
        owned=data_holders(args),
        names=fixed_names(args),
        servers=servers(args),
        api_server=namespace_server(args),
        allow_data_loss=args.allow_data_loss,
        opts=pulumi.ResourceOptions(parent=parent, hooks=first_look(name, args)),
    )


def servers(args: CheckpointStorageArgs) -> Servers:
    """Return where the program's own providers write: to Vault, and to a managed database."""
    return {
        "vault": {
            "address": args.vault_address,
            "ca_file": args.vault_ca_cert_file,
            "namespace": args.vault_namespace,
        },
        "database": {
            "host": args.database_admin_host,
            "port": str(args.database_admin_port),
            "ssl_mode": ssl_mode(args),
            "ca_certificate": pem(args.database_ca_cert_file),
        }
        if args.manage_database
        else {},
        "accepted": {VAULT: args.vault_server_id, POSTGRESQL: args.database_server_id},
    }


def fixed_names(args: CheckpointStorageArgs) -> dict[str, str]:
    """Return the names that a managed database and its roles keep, by what bears them."""
    if not args.manage_database:
        return {}
    return {
        "database": args.database_name,
        "owner role": args.database_owner,
        "login role": args.database_username,
        "application role": args.database_application_role,
    }


def data_holders(args: CheckpointStorageArgs) -> dict[str, str]:
    """Return what holds the rows and is dropped once it leaves the settings, and the schema."""
    owned = {
        "namespace": (args.manage_namespace, args.namespace),
        "KV mount": (args.manage_vault_kv_mount, args.vault_kv_mount),
        "database": (args.manage_database, args.database_name),
        "schema": (True, args.database_schema),
    }
    return {what: name for what, (managed, name) in owned.items() if managed}


def namespace_server(args: CheckpointStorageArgs) -> str:
    """Return the API server that a managed namespace is removed from once it is another one."""
    return server(args.kubeconfig) if args.manage_namespace else ""
