"""Verifies the migrated schema with a second Job and turns its report into outputs."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TypedDict

import pulumi

from ..jobs.awaited_job import awaited_job
from ..jobs.pod import FILES_DIR
from ..jobs.template import JobTemplate
from ..ownership.check import OwnershipCheck
from .migration import SchemaMigration
from .report import VerificationReport


class SchemaVerificationArgs(TypedDict):
    """Inputs of SchemaVerification."""

    jobs: JobTemplate
    """What all Jobs share."""
    check: OwnershipCheck
    """Refuses to take over a Job that others made."""
    number: str
    """Number of the newest migration, three digits."""
    migration: SchemaMigration
    """The migration to verify; another run of it is verified anew."""
    always: bool
    """Verify on every `up`."""


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
        for warning in _insecure(jobs):
            pulumi.log.warn(warning, self)

        annotations: dict[str, pulumi.Input[str | None]] = {
            "langgraph-checkpoint/migration-uid": migration.job_uid
        }
        if args["always"]:
            annotations["langgraph-checkpoint/verified-at"] = datetime.now(UTC).isoformat()
        job = awaited_job(
            f"{name}-job",
            jobs.job(
                "verification",
                args["number"],
                "verify",
                [f"{FILES_DIR}/verify.sh"],
                config_map=migration.config_map_name,
                annotations=annotations,
            ),
            jobs,
            check=args["check"],
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

        self.report.warnings.apply(self._warn)

        self.job_name = job.metadata["name"]
        self.register_outputs({"job_name": self.job_name})

    def _warn(self, warnings: list[str] | None) -> None:
        # None in the state of a release that did not report them.
        for warning in warnings or ():
            pulumi.log.warn(f"{warning}; docs/drift.md says what mends it", self)


def _insecure(jobs: JobTemplate) -> Iterator[str]:
    mode, vault = jobs.database_environment["PGSSLMODE"], jobs.vault_environment["VAULT_ADDR"]
    if mode != "verify-full":
        yield (
            f"insecureDatabaseSslMode is {mode}: whoever is between the Jobs and PostgreSQL may "
            "pass for it, and this verification proves less; leave it empty for verify-full"
        )
    if vault.startswith("http:"):
        yield (
            f"insecureVaultHttp: whoever is between the Jobs and {vault} reads login token and "
            "credential; give Vault a certificate and leave it false"
        )
