"""What runs beside the tables once they are there, each part where its settings ask for it."""

from collections.abc import Mapping, Sequence

import pulumi

from .backup.checkpoint_backup import CheckpointBackup
from .inputs.storage import CheckpointStorageArgs
from .jobs.setup import job_template
from .monitoring.checkpoint_monitoring import CheckpointMonitoring
from .ownership.check import OwnershipCheck
from .retention.checkpoint_retention import CheckpointRetention
from .schema.files import job_files
from .vault.logins import as_backup, backup_access


def operations(
    name: str,
    args: CheckpointStorageArgs,
    files: Mapping[str, str],
    *,
    check: OwnershipCheck,
    parent: pulumi.Resource,
    needs: Sequence[pulumi.Resource],
) -> list[pulumi.Resource]:
    """Provision backups, retention and monitoring; return those that connect to the database."""
    scheduled: list[pulumi.Resource] = []
    jobs, opts = job_template(args, files), pulumi.ResourceOptions(parent=parent)
    if args.backup_schedule:
        made = _backup(name, args, files, check=check, parent=parent, needs=needs)
        scheduled.append(made)
    if args.retention_schedule:
        made = CheckpointRetention(
            f"{name}-retention",
            args,
            jobs=jobs,
            files=files,
            check=check,
            needs=needs,
            opts=opts,
        )
        scheduled.append(made)
    if args.monitoring:
        # Last: a cluster that lacks the PrometheusRule's CRD must not keep the migration back.
        CheckpointMonitoring(
            f"{name}-monitoring", args, jobs.cluster, check=check, needs=needs, opts=opts
        )
    return scheduled


def _backup(
    name: str,
    args: CheckpointStorageArgs,
    files: Mapping[str, str],
    *,
    check: OwnershipCheck,
    parent: pulumi.Resource,
    needs: Sequence[pulumi.Resource],
) -> pulumi.Resource:
    if args.backup_bucket:
        # A ServiceAccount of its own: nothing but the backups reads the bucket's key.
        access = backup_access(name, args, check=check, parent=parent, needs=needs)
        needs = [*needs, access]
        args = as_backup(args)
        files = job_files(args)
    return CheckpointBackup(
        f"{name}-backup",
        args,
        jobs=job_template(args, files),
        files=files,
        check=check,
        needs=needs,
        opts=pulumi.ResourceOptions(parent=parent),
    )
