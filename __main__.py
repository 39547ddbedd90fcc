"""Provisions LangGraph checkpoint storage for the stack's environment."""

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_postgresql as postgresql
import pulumi_vault as vault

from components.checkpoint_storage import CheckpointStorage
from components.clients.kubeconfig import server
from components.inputs.derived import ssl_mode
from components.inputs.storage import CheckpointStorageArgs
from components.ownership.data_guard import DataGuard
from components.ownership.setup import data_guard
from components.settings.settings import load


def providers(args: CheckpointStorageArgs, guard: DataGuard) -> list[pulumi.ProviderResource]:
    """Return explicit providers: without them a preview would need a cluster and Vault.

    Their addresses are those that the guard has let pass: one that it refuses, or was not asked
    about, must not be recorded, since a destroy goes by what is recorded.
    """
    vault_server = guard.servers.apply(lambda servers: servers["vault"])
    database_server = guard.servers.apply(lambda servers: servers["database"])
    opts = pulumi.ResourceOptions(depends_on=[guard])
    chosen: list[pulumi.ProviderResource] = [
        kubernetes.Provider(
            "kubernetes",
            kubeconfig=pulumi.Output.secret(args.kubeconfig) if args.kubeconfig else None,
            context=args.kube_context or None,
            # Renewed credentials are no other cluster; another server is, and gets everything.
            cluster_identifier=server(args.kubeconfig) or None,
            opts=opts,
        ),
        vault.Provider(
            "vault",
            address=vault_server["address"],
            ca_cert_file=vault_server.apply(lambda server: server["ca_file"] or None),
            namespace=vault_server.apply(lambda server: server["namespace"] or None),
            # A child token would be made, and its parent looked up, already at preview.
            skip_child_token=True,
            opts=opts,
        ),
    ]
    if args.manage_database:
        # User and password are those of PGUSER and PGPASSWORD, as for psql. The server is not: a
        # destroy in another shell would go to another one.
        chosen.append(
            postgresql.Provider(
                "postgresql",
                host=database_server["host"],
                port=database_server.apply(lambda server: int(server["port"])),
                sslmode=ssl_mode(args),
                sslrootcert=args.database_ca_cert_file or None,
                superuser=False,
                expected_version="15.0.0",
                opts=opts,
            )
        )
    return chosen


args = load()
guard = data_guard("checkpoints", args)
storage = CheckpointStorage(
    "checkpoints",
    args,
    pulumi.ResourceOptions(providers=providers(args, guard)),
    data_guard=guard,
)

pulumi.export("schemaVersion", storage.schema_version)
pulumi.export("verification", storage.verification)
pulumi.export("migrationJob", storage.migration_job)
pulumi.export("verificationJob", storage.verification_job)
pulumi.export("namespace", args.namespace)
pulumi.export("application", storage.application)
pulumi.export("connection", storage.connection)
