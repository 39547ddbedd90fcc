"""Makes the data guard and the ownership check of one environment from the component's inputs."""

import pulumi

from ..clients.cluster import Cluster
from ..clients.kubeconfig import server
from ..clients.vault import VaultServer
from ..inputs.storage import CheckpointStorageArgs
from .check import OwnershipCheck
from .data_guard import DataGuard
from .first_look import first_look
from .servers import POSTGRESQL, VAULT, Servers


def ownership_check(args: CheckpointStorageArgs, owner: pulumi.Input[str]) -> OwnershipCheck:
    """Return what refuses to take over an object of another stack or of nobody known."""
    cluster = Cluster(kubeconfig=args["kubeconfig"], context=args["kube_context"])
    vault = VaultServer.of(args["vault"]["server"])
    return OwnershipCheck(
        environment=args["environment"], owner=owner, cluster=cluster, vault=vault
    )


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
        allow_data_loss=args["allow_data_loss"],
        opts=pulumi.ResourceOptions(parent=parent, hooks=first_look(name, args)),
    )


def servers(args: CheckpointStorageArgs) -> Servers:
    """Return where the program's own providers write: to Vault, and to a managed database."""
    vault, database = args["vault"]["server"], args["database"]
    # Without an address the provider takes that of the shell, and so does what asks the server.
    admin = database.get("server", {"host": "", "port": 0})
    return {
        "vault": {key: vault[key] for key in ("address", "ca_file", "namespace")},
        "database": {
            "host": admin["host"],
            "port": str(admin["port"] or ""),
            "ssl_mode": database["ssl_mode"],
            "ca_certificate": database["ca_certificate"],
        }
        if database["manage"]
        else {},
        "accepted": {VAULT: vault.get("id", ""), POSTGRESQL: admin.get("id", "")},
    }


def fixed_names(args: CheckpointStorageArgs) -> dict[str, str]:
    """Return the names that a managed database and its roles keep, by what bears them."""
    database = args["database"]
    if not database["manage"]:
        return {}
    return {
        "database": database["name"],
        "owner role": database["owner"],
        "login role": database["username"],
        "application role": database["application_role"],
    }


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
