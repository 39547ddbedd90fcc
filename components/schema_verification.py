"""Verifies the migrated schema with a second Job and turns its report into outputs."""

from typing import TypedDict

import pulumi

from .awaited_job import awaited_job
from .manifests import FILES_DIR, JobTemplate
from .schema_migration import SchemaMigration
from .verification_report import VerificationReport


class SchemaVerificationArgs(TypedDict):
    """Inputs of SchemaVerification."""

    jobs: JobTemplate
    """What all Jobs share."""
    number: str
    """Number of the newest migration, three digits."""
    migration: SchemaMigration
    """The migration to verify; another run of it is verified anew."""


class SchemaVerification(pulumi.ComponentResource):
    """Runs the verification Job after the migration and publishes its report."""

    report: VerificationReport
    """The Job's report as typed outputs."""
    job_name: pulumi.Output[str]
    """Name of the Job that verified."""

    def __init__(
        self, name: str, args: SchemaVerificationArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("langgraph-checkpoint:index:SchemaVerification", name, None, opts)
        jobs, migration = args["jobs"], args["migration"]

        job = awaited_job(
            f"{name}-job",
            jobs.job(
                "verification",
                args["number"],
                "verify",
                [f"{FILES_DIR}/verify.sh"],
                config_map=migration.config_map_name,
                annotations={"langgraph-checkpoint/migration-uid": migration.job_uid},
            ),
            jobs,
            parent=self,
            depends_on=[migration],
        )
        self.report = VerificationReport(
            f"{name}-report",
            jobs,
            job_name=job.metadata["name"],
            job_uid=job.metadata.apply(lambda metadata: metadata.get("uid")),
            opts=pulumi.ResourceOptions(parent=self),
        )

        self.job_name = job.metadata["name"]
        self.register_outputs({"job_name": self.job_name})
