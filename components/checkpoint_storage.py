"""LangGraph checkpoint storage, the component that composes all others."""

from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_vault as vault

from .data_guard import DataGuard
from .database import CheckpointDatabase
from .existing import Guard
from .job_setup import job_files, job_template
from .kubernetes_object import KubernetesObject
from .manifests import Cluster, restricted_namespace
from .migration_files import newest
from .network_policy import network_policy
from .rollback_manifest import RollbackArgs
from .schema_migration import SchemaMigration
from .schema_rollback import SchemaRollback, UnfinishedRollback
from .schema_verification import SchemaVerification
from .storage_args import CheckpointStorageArgs
from .vault_access import VaultAccess, VaultAccessArgs
from .vault_mounts import KubernetesAuthMount, KubernetesAuthMountArgs
from .verification_report import REPORTED


class CheckpointStorage(pulumi.ComponentResource):
    """Provisions, migrates and verifies LangGraph checkpoint storage.

    Order on `up`: guard, namespace, Vault's mounts, database, Vault access, migration,
    verification. On `destroy` the down migration runs before anything is removed, and refuses to
    drop rows.
    """

    verification: pulumi.Output[dict[str, Any]]
    """What the verification Job found: version, checks, rows and bytes of each table."""
    schema_version: pulumi.Output[int]
    """Newest version in checkpoint_migrations."""
    migration_job: pulumi.Output[str]
    """Name of the migration Job."""
    verification_job: pulumi.Output[str]
    """Name of the verification Job."""
    application: pulumi.Output[dict[str, str] | None]
    """The application's serviceAccount, vaultRole and secretPath, where its role is made here."""

    def __init__(
        self, name: str, args: CheckpointStorageArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("langgraph-checkpoint:index:CheckpointStorage", name, None, opts)
        files = job_files(args)
        jobs = job_template(args, files)

        guard = DataGuard(
            f"{name}-guard",
            owned=_owned(args),
            allow_data_loss=args["allow_data_loss"],
            opts=pulumi.ResourceOptions(parent=self),
        )
        mounts = self._mounts(name, args, guard)
        database = self._database(name, args, guard)
        accesses = self._accesses(name, args, database, needs=mounts)
        network = self._network(name, args, needs=[*mounts, *accesses])
        needs = [*mounts, *([database] if database else []), *accesses, *network]
        rollback = RollbackArgs(
            jobs=jobs,
            environment=args["environment"],
            owns_database=args["database"]["manage"],
            allow_data_loss=args["allow_data_loss"],
            backup_claim=args["backup_claim"],
        )
        unfinished = UnfinishedRollback(
            f"{name}-unfinished-rollback",
            rollback,
            files,
            needs=needs,
            opts=pulumi.ResourceOptions(parent=self),
        )
        migration = SchemaMigration(
            f"{name}-migration",
            {"jobs": jobs, "files": files, "needs": [*needs, unfinished]},
            opts=pulumi.ResourceOptions(parent=self),
        )
        verification = SchemaVerification(
            f"{name}-verification",
            {
                "jobs": jobs,
                "number": newest(files),
                "migration": migration,
                "always": args["verify_always"],
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        SchemaRollback(
            f"{name}-rollback",
            rollback,
            files,
            needs=[*needs, unfinished, migration, verification],
            opts=pulumi.ResourceOptions(parent=self),
        )

        report = verification.report
        self.schema_version = report.version
        self.verification = pulumi.Output.all(**{key: getattr(report, key) for key in REPORTED})
        self.migration_job = migration.job_name
        self.verification_job = verification.job_name
        self.application = pulumi.Output.from_input(accesses[-1].login if database else None)
        self.register_outputs(
            {
                "schema_version": self.schema_version,
                "verification": self.verification,
                "migration_job": self.migration_job,
                "verification_job": self.verification_job,
                "application": self.application,
            }
        )

    def _mounts(
        self, name: str, args: CheckpointStorageArgs, guard: DataGuard
    ) -> list[pulumi.Resource]:
        """Create what the environment asks this program to own beneath everything else."""
        owned: list[pulumi.Resource] = [guard]
        if args["manage_namespace"]:
            owned.append(
                KubernetesObject(
                    f"{name}-namespace",
                    restricted_namespace(args["namespace"], args["environment"]),
                    opts=pulumi.ResourceOptions(
                        parent=self,
                        depends_on=[guard],
                        hooks=_guard(args).hooks(f"{name}-namespace"),
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
            opts = pulumi.ResourceOptions(parent=self)
            owned.append(KubernetesAuthMount(f"{name}-auth", auth, opts))
        if args["vault"]["manage_kv_mount"]:
            owned.append(
                vault.Mount(
                    f"{name}-kv",
                    path=args["vault"]["kv_mount"],
                    type="kv",
                    options={"version": "2"},
                    opts=pulumi.ResourceOptions(parent=self, depends_on=[guard]),
                )
            )
        return owned

    def _network(
        self, name: str, args: CheckpointStorageArgs, *, needs: Sequence[pulumi.Resource]
    ) -> list[pulumi.Resource]:
        if not args["manage_network_policy"]:
            return []
        return [
            KubernetesObject(
                f"{name}-network",
                network_policy(args),
                opts=pulumi.ResourceOptions(parent=self, depends_on=needs),
            )
        ]

    def _database(
        self, name: str, args: CheckpointStorageArgs, guard: DataGuard
    ) -> CheckpointDatabase | None:
        database = args["database"]
        if not database["manage"]:
            return None
        return CheckpointDatabase(
            f"{name}-database",
            {
                "database": database["name"],
                "schema": database["schema"],
                "owner": database["owner"],
                "migrator": database["username"],
                "application": database["application_role"],
                "needs": [guard],
            },
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _accesses(
        self,
        name: str,
        args: CheckpointStorageArgs,
        database: CheckpointDatabase | None,
        *,
        needs: Sequence[pulumi.Resource],
    ) -> list[VaultAccess]:
        """Let the Jobs read their credential and, where roles are made, the application its own."""
        opts = pulumi.ResourceOptions(parent=self)
        if database is None:
            password = args["database"].get("password")
            access = _access_args(args, "", args["database"]["username"], password, needs)
            return [VaultAccess(f"{name}-access", access, opts)]
        migrator, application = args["database"]["username"], args["database"]["application_role"]
        return [
            VaultAccess(
                f"{name}-access",
                _access_args(args, "", migrator, database.migrator_password, needs),
                opts,
            ),
            VaultAccess(
                f"{name}-application-access",
                _access_args(args, "-app", application, database.application_password, needs),
                opts,
            ),
        ]


def _owned(args: CheckpointStorageArgs) -> dict[str, str]:
    """Return what holds the rows and is dropped once it leaves the settings, and the schema."""
    vault_args, database = args["vault"], args["database"]
    owned = {
        "namespace": (args["manage_namespace"], args["namespace"]),
        "KV mount": (vault_args["manage_kv_mount"], vault_args["kv_mount"]),
        "database": (database["manage"], database["name"]),
        "schema": (True, database["schema"]),
    }
    return {what: name for what, (managed, name) in owned.items() if managed}


def _guard(args: CheckpointStorageArgs) -> Guard:
    cluster = Cluster(kubeconfig=args["kubeconfig"], context=args["kube_context"])
    return Guard(environment=args["environment"], cluster=cluster, vault=args["vault"]["server"])


def _access_args(
    args: CheckpointStorageArgs,
    suffix: str,
    username: str,
    password: pulumi.Input[str] | None,
    needs: Sequence[pulumi.Resource],
) -> VaultAccessArgs:
    vault_args, database = args["vault"], args["database"]
    access: VaultAccessArgs = {
        "guard": _guard(args),
        "namespace": args["namespace"],
        "service_account": args["service_account"] + suffix,
        "role": vault_args["role"] + suffix,
        "policy": vault_args["policy"] + suffix,
        "auth_mount": vault_args["auth_mount"],
        "audience": vault_args["audience"],
        "kv_mount": vault_args["kv_mount"],
        "secret_path": vault_args["secret_path"] + suffix,
        "keep_secret_versions": vault_args["keep_secret_versions"],
        "needs": needs,
    }
    if vault_args["manage_secret"] and password is not None:
        access["credential"] = {
            "host": database["host"],
            "port": str(database["port"]),
            "database": database["name"],
            "username": username,
            "password": password,
        }
    return access
