"""Applies the checkpoint schema with a Job that runs again only when its content changes."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import pulumi

from ..inputs.storage import CheckpointStorageArgs
from ..jobs.awaited_job import awaited_job
from ..jobs.pod import FILES_DIR
from ..jobs.template import JobTemplate
from ..kubernetes.files import digest
from ..kubernetes.manifests import config_map
from ..kubernetes.object import KubernetesObject
from ..ownership.check import OwnershipCheck
from .files import newest


class SchemaMigrationArgs(TypedDict):
    """Inputs of SchemaMigration."""

    jobs: JobTemplate
    """What all Jobs share."""
    check: OwnershipCheck
    """Refuses to take over a Job that others made."""
    files: Mapping[str, str]
    """Files of the ConfigMap by name: SQL, scripts, the Vault agent's configuration, CAs."""
    dump_setting: str
    """Settings that ask for dumps, which the Job's image must be able to make; empty for none."""
    needs: Sequence[pulumi.Resource]
    """What must be there before the Job starts: Vault's side and the database."""


class SchemaMigration(pulumi.ComponentResource):
    """Puts SQL and scripts into a ConfigMap, runs the migration Job and waits for it."""

    config_map_name: str
    """Name of the ConfigMap that holds the files; it carries a digest of its content."""
    job_name: pulumi.Output[str]
    """Name of the Job that ran the migration."""
    job_uid: pulumi.Output[str | None]
    """UID of that Job, another one whenever the migration ran again."""

    def __init__(
        self, name: str, args: SchemaMigrationArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("langgraph-checkpoint:index:SchemaMigration", name, None, opts)
        jobs, files = args["jobs"], args["files"]
        self.config_map_name = f"{jobs.name}-migration-{digest(files)}"

        manifest = config_map(jobs.namespace, self.config_map_name, files)
        scripts = KubernetesObject(
            f"{name}-files",
            manifest,
            args["check"],
            pulumi.ResourceOptions(parent=self, depends_on=args["needs"]),
        )
        job = awaited_job(
            f"{name}-job",
            migration_job(jobs, newest(files), self.config_map_name, args["dump_setting"]),
            jobs,
            check=args["check"],
            parent=self,
            depends_on=[scripts],
            before_create=[pulumi.ResourceHook(f"{name}-begun", lambda _: _mark_begun(jobs))],
        )

        self.job_name = job.metadata["name"]
        # A preview without a cluster knows the Job's metadata, but no UID in it.
        self.job_uid = job.metadata.apply(lambda metadata: metadata.get("uid"))
        self.register_outputs({"job_name": self.job_name, "job_uid": self.job_uid})


def _mark_begun(jobs: JobTemplate) -> None:
    # Imported here, since most runs create nothing.
    from ..clients.kubernetes import connect
    from .marks import BEGUN, mark

    mark(connect(jobs.cluster), jobs.namespace, jobs.service_account, BEGUN, "true")


def migration_job(
    jobs: JobTemplate, number: str, config_map: str, dump_setting: str
) -> dict[str, Any]:
    """Return the manifest of the Job that migrates."""
    return jobs.job(
        "migration",
        number,
        "migrate",
        [f"{FILES_DIR}/migrate.sh", "up"],
        config_map=config_map,
        environment={"DUMP_SETTING": dump_setting} if dump_setting else None,
    )


def dump_setting(args: CheckpointStorageArgs) -> str:
    """Return the settings that ask for dumps, as a message names them."""
    asking = {
        "backupSchedule": args.backup_schedule,
        "rollbackBackupClaim": args.rollback_backup_claim,
    }
    return " and ".join(setting for setting, asks in asking.items() if asks)
