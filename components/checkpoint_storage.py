"""LangGraph checkpoint storage, the component that composes all others."""

from collections.abc import Sequence
from typing import Any

import pulumi

from .accesses import accesses
from .data_guard import DataGuard
from .database import CheckpointDatabase
from .day_two import day_two
from .foundation import data_holders, existing_guard, foundation, namespace_server
from .job_setup import job_files, job_template
from .kubernetes_object import KubernetesObject
from .migration_files import newest
from .network_policy import network_policy
from .rollback_manifest import RollbackArgs
from .schema_migration import SchemaMigration
from .schema_rollback import SchemaRollback, UnfinishedRollback
from .schema_verification import SchemaVerification
from .storage_args import CheckpointStorageArgs, plain_inputs
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
        args = plain_inputs(args)
        files = job_files(args)
        jobs = job_template(args, files)

        guard = DataGuard(
            f"{name}-guard",
            owned=data_holders(args),
            api_server=namespace_server(args),
            allow_data_loss=args["allow_data_loss"],
            opts=pulumi.ResourceOptions(parent=self),
        )
        beneath = foundation(name, args, guard, parent=self)
        database = self._database(name, args, guard)
        logins = accesses(name, args, database, parent=self, needs=beneath)
        network = self._network(name, args, needs=[*beneath, *logins])
        needs = [*beneath, *([database] if database else []), *logins, *network]
        rollback = RollbackArgs(
            jobs=jobs,
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
            {
                "jobs": jobs,
                "guard": existing_guard(args),
                "files": files,
                "needs": [*needs, unfinished],
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        verification = SchemaVerification(
            f"{name}-verification",
            {
                "jobs": jobs,
                "guard": existing_guard(args),
                "number": newest(files),
                "migration": migration,
                "always": args["verify_always"],
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        on_schedule = day_two(name, args, files, parent=self, needs=[*needs, verification])
        SchemaRollback(
            f"{name}-rollback",
            rollback,
            files,
            needs=[*needs, unfinished, migration, verification, *on_schedule],
            opts=pulumi.ResourceOptions(parent=self),
        )

        report = verification.report
        self.schema_version = report.version
        self.verification = pulumi.Output.all(**{key: getattr(report, key) for key in REPORTED})
        self.migration_job = migration.job_name
        self.verification_job = verification.job_name
        self.application = pulumi.Output.from_input(logins[-1].login if database else None)
        self.register_outputs(
            {
                "schema_version": self.schema_version,
                "verification": self.verification,
                "migration_job": self.migration_job,
                "verification_job": self.verification_job,
                "application": self.application,
            }
        )

    def _network(
        self, name: str, args: CheckpointStorageArgs, *, needs: Sequence[pulumi.Resource]
    ) -> list[pulumi.Resource]:
        if not args["manage_network_policy"]:
            return []
        return [
            KubernetesObject(
                f"{name}-network",
                network_policy(args),
                opts=pulumi.ResourceOptions(
                    parent=self,
                    depends_on=needs,
                    hooks=existing_guard(args).hooks(f"{name}-network"),
                ),
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
                "restore_drill": bool(args.get("backup", {}).get("drill_schedule")),
                "needs": [guard],
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
