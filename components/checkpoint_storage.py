"""LangGraph checkpoint storage, the component that composes all others."""

from collections.abc import Sequence
from typing import Any

import pulumi

from . import foundation
from .accesses import accesses
from .data_guard import DataGuard
from .database import CheckpointDatabase
from .day_two import day_two
from .existing import Guard
from .job_setup import dump_setting, job_files, job_template
from .kubernetes_object import KubernetesObject
from .migration_files import newest
from .network_policy import network_policy
from .ownership import Ownership
from .rollback_manifest import BACKUP_MEMORY, RollbackArgs
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
    """What the verification Job found: version, checks, warnings, rows and bytes of each table."""
    schema_version: pulumi.Output[int]
    """Newest version in checkpoint_migrations."""
    migration_job: pulumi.Output[str]
    """Name of the migration Job."""
    verification_job: pulumi.Output[str]
    """Name of the verification Job."""
    application: pulumi.Output[dict[str, str] | None]
    """The application's serviceAccount, vaultRole and secretPath, where its role is made here."""

    def __init__(
        self,
        name: str,
        args: CheckpointStorageArgs,
        opts: pulumi.ResourceOptions | None = None,
        *,
        data_guard: DataGuard | None = None,
    ) -> None:
        """`data_guard` is the one that the program's providers wait for, where there is one."""
        super().__init__("langgraph-checkpoint:index:CheckpointStorage", name, None, opts)
        args = plain_inputs(args)
        files = job_files(args)
        jobs = job_template(args, files)

        data_guard = data_guard or foundation.data_guard(name, args, parent=self)
        ownership = Ownership(
            f"{name}-ownership",
            take_over=args.get("take_over", ""),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[data_guard]),
        )
        guard = foundation.existing_guard(args, ownership.owner)
        first = [data_guard, ownership]
        beneath = foundation.foundation(name, args, first, guard, parent=self)
        database = self._database(name, args, first)
        logins = accesses(name, args, database, guard=guard, parent=self, needs=beneath)
        network = self._network(name, args, guard, needs=[*beneath, *logins])
        needs = [*beneath, *([database] if database else []), *logins, *network]
        rollback = RollbackArgs(
            jobs=jobs,
            owns_database=args["database"]["manage"],
            allow_data_loss=args["allow_data_loss"],
            backup_claim=args["backup_claim"],
            backup_memory=args.get("backup_memory", BACKUP_MEMORY),
        )
        whose = {
            "owner": ownership.owner,
            "servers": foundation.servers(args),
            "identities": data_guard.identities,
        }
        unfinished = UnfinishedRollback(
            f"{name}-unfinished-rollback",
            rollback,
            files,
            whose=whose,
            needs=needs,
            opts=pulumi.ResourceOptions(parent=self),
        )
        migration = SchemaMigration(
            f"{name}-migration",
            {
                "jobs": jobs,
                "guard": guard,
                "files": files,
                "dump_setting": dump_setting(args),
                "needs": [*needs, unfinished],
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        verification = SchemaVerification(
            f"{name}-verification",
            {
                "jobs": jobs,
                "guard": guard,
                "number": newest(files),
                "migration": migration,
                "always": args["verify_always"],
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        on_schedule = day_two(
            name, args, files, guard=guard, parent=self, needs=[*needs, verification]
        )
        SchemaRollback(
            f"{name}-rollback",
            rollback,
            files,
            whose=whose | {"migration_uid": migration.job_uid},
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
        self,
        name: str,
        args: CheckpointStorageArgs,
        guard: Guard,
        *,
        needs: Sequence[pulumi.Resource],
    ) -> list[pulumi.Resource]:
        if not args["manage_network_policy"]:
            return []
        return [
            KubernetesObject(
                f"{name}-network",
                network_policy(args),
                guard,
                pulumi.ResourceOptions(parent=self, depends_on=needs),
            )
        ]

    def _database(
        self, name: str, args: CheckpointStorageArgs, needs: Sequence[pulumi.Resource]
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
                "needs": needs,
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
