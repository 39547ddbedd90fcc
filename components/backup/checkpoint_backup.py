"""Dumps the checkpoint tables on a schedule, and proves on another that the dumps restore."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pulumi

from ..inputs.storage import CheckpointStorageArgs
from ..jobs.template import JobTemplate
from ..kubernetes.files import digest, sums
from ..kubernetes.manifests import config_map
from ..kubernetes.object import KubernetesObject
from ..ownership.check import OwnershipCheck
from .bucket import bucket_network_policy, vault_environment
from .manifests import backup_cron_job, backup_files, drill_cron_job, volume_claim


class CheckpointBackup(pulumi.ComponentResource):
    """Provisions the ConfigMap, the CronJobs and, if asked to, the volume of the dumps.

    The volume stays on destroy: dumps outlive what they were made of.
    """

    def __init__(
        self,
        name: str,
        args: CheckpointStorageArgs,
        *,
        jobs: JobTemplate,
        files: Mapping[str, str],
        check: OwnershipCheck,
        needs: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("langgraph-checkpoint:index:CheckpointBackup", name, None, opts)
        files = backup_files(files, args)
        jobs = replace(jobs, files_sha256=sums(files), timeout_seconds=args.backup_timeout_seconds)
        if args.backup_bucket:
            jobs = replace(jobs, vault_environment=vault_environment(jobs, args))
        config_map_name = f"{jobs.name}-backup-{digest(files)}"

        def child(
            suffix: str,
            manifest: dict[str, Any],
            depends_on: Sequence[pulumi.Resource],
            *,
            retain: bool = False,
        ) -> KubernetesObject:
            opts = pulumi.ResourceOptions(
                parent=self,
                depends_on=depends_on,
                retain_on_delete=retain,
            )
            return KubernetesObject(f"{name}-{suffix}", manifest, check, opts)

        scripts = child("files", config_map(jobs.namespace, config_map_name, files), needs)
        needs = [*needs, scripts]
        if args.backup_claim_size:
            needs = [*needs, child("claim", volume_claim(jobs, args), needs, retain=True)]
        if args.backup_bucket and args.manage_network_policy:
            child("network", bucket_network_policy(jobs, args), needs)
        child("cron", backup_cron_job(jobs, args, config_map_name), needs)
        if args.restore_drill_schedule:
            child("drill", drill_cron_job(jobs, args, config_map_name), needs)

        self.register_outputs({})
