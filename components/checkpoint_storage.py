"""LangGraph checkpoint storage, the component that composes all others."""

from typing import Any

import pulumi

from .database.application import connection
from .database.checkpoint_database import managed_database
from .inputs.checks import checked
from .inputs.storage import CheckpointStorageArgs
from .jobs.network_policy import jobs_network
from .jobs.setup import job_template
from .kubernetes.namespace import managed_namespace
from .operations import operations
from .ownership import setup as ownership_setup
from .ownership.data_guard import DataGuard
from .ownership.owner import Ownership
from .schema.files import job_files, migration_files, newest
from .schema.migration import SchemaMigration, dump_setting
from .schema.report import REPORTED
from .schema.rollback.manifest import rollback_args
from .schema.rollback.resources import FallbackRollback, SchemaRollback
from .schema.verification import SchemaVerification
from .vault.logins import database_access
from .vault.mounts import vault_mounts


class CheckpointStorage(pulumi.ComponentResource):
    """Provisions, migrates and verifies LangGraph checkpoint storage.

    Order on `up`: data guard, namespace, Vault's mounts, database, Vault access, migration,
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
    connection: pulumi.Output[dict[str, Any]]
    """How the application is to connect: kwargs and pool of its psycopg_pool."""

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
        args = checked(name, args)
        files = job_files(args)
        to_migrate = migration_files(files)
        jobs = job_template(args, to_migrate)

        data_guard = data_guard or ownership_setup.data_guard(name, args, parent=self)
        ownership = Ownership(
            f"{name}-ownership",
            take_over=args.take_over,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[data_guard]),
        )
        check = ownership_setup.ownership_check(args, ownership.owner)
        first = [data_guard, ownership]
        namespace = managed_namespace(name, args, check=check, parent=self, needs=first)
        # Another stack's namespace is refused in this program's own sentence, so it comes before
        # the mounts and the database, where Vault or PostgreSQL would be the first to complain.
        first = [*first, *namespace]
        mounts = vault_mounts(name, args, check=check, parent=self, needs=first)
        prerequisites = [*first, *mounts]
        database = managed_database(name, args, parent=self, needs=first)
        logins = database_access(
            name, args, database, check=check, parent=self, needs=prerequisites
        )
        network = jobs_network(
            name, args, check=check, parent=self, needs=[*prerequisites, *logins]
        )
        needs = [*prerequisites, *([database] if database else []), *logins, *network]
        rollback = rollback_args(args, jobs)
        whose = {
            "owner": ownership.owner,
            "servers": ownership_setup.servers(args),
            "identities": data_guard.identities,
        }
        fallback = FallbackRollback(
            f"{name}-fallback-rollback",
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
                "check": check,
                "files": to_migrate,
                "dump_setting": dump_setting(args),
                "needs": [fallback],
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        verification = SchemaVerification(
            f"{name}-verification",
            {
                "jobs": jobs,
                "check": check,
                "number": newest(files),
                "migration": migration,
                "always": args.verify == "always",
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        on_schedule = operations(
            name, args, files, check=check, parent=self, needs=[*needs, verification]
        )
        SchemaRollback(
            f"{name}-rollback",
            rollback,
            files,
            whose=whose | {"migration_uid": migration.job_uid},
            needs=[fallback, migration, verification, *on_schedule],
            opts=pulumi.ResourceOptions(parent=self),
        )

        report = verification.report
        self.schema_version = report.version
        self.verification = pulumi.Output.all(**{key: getattr(report, key) for key in REPORTED})
        self.migration_job = migration.job_name
        self.verification_job = verification.job_name
        self.application = pulumi.Output.from_input(logins[-1].login if database else None)
        self.connection = pulumi.Output.from_input(connection(args))
        self.register_outputs(
            {
                "schema_version": self.schema_version,
                "verification": self.verification,
                "migration_job": self.migration_job,
                "verification_job": self.verification_job,
                "application": self.application,
                "connection": self.connection,
            }
        )
