"""Prunes idle threads and deletes old ones on a schedule."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi

from ..inputs.storage import CheckpointStorageArgs
from ..jobs.pod import FILES_DIR
from ..jobs.template import JobTemplate
from ..kubernetes.files import digest, sums
from ..kubernetes.manifests import config_map
from ..kubernetes.object import KubernetesObject
from ..ownership.check import OwnershipCheck

HERE = Path(__file__).parent
KIND = "retention"


class CheckpointRetention(pulumi.ComponentResource):
    """Provisions the ConfigMap and the CronJob of retention."""

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
        super().__init__("langgraph-checkpoint:index:CheckpointRetention", name, None, opts)
        files = retention_files(files)
        jobs = replace(
            jobs, files_sha256=sums(files), timeout_seconds=args.retention_timeout_seconds
        )
        config_map_name = f"{jobs.name}-{KIND}-{digest(files)}"

        scripts = KubernetesObject(
            f"{name}-files",
            config_map(jobs.namespace, config_map_name, files),
            check,
            pulumi.ResourceOptions(parent=self, depends_on=needs),
        )
        KubernetesObject(
            f"{name}-cron",
            retention_cron_job(jobs, args, config_map_name),
            check,
            pulumi.ResourceOptions(parent=self, depends_on=[*needs, scripts]),
        )

        self.register_outputs({})


def retention_files(job_files: Mapping[str, str]) -> dict[str, str]:
    """Return what the pod mounts: of the Jobs' files those that log in, and its own."""
    shared = ("connection.sh", "vault-init.sh", "vault-agent.hcl")
    files = {
        name: text for name, text in job_files.items() if name in shared or name.endswith(".pem")
    }
    return files | {path.name: path.read_text() for path in sorted(HERE.glob("retention*"))}


def retention_cron_job(
    jobs: JobTemplate, args: CheckpointStorageArgs, config_map: str
) -> dict[str, Any]:
    """Return the CronJob that prunes and deletes."""
    return jobs.cron_job(
        KIND,
        KIND,
        [f"{FILES_DIR}/retention.sh"],
        schedule=args.retention_schedule,
        config_map=config_map,
        environment={
            "KEEP_LATEST_AFTER_DAYS": str(args.retention_keep_latest_after_days),
            "DELETE_THREADS_AFTER_DAYS": str(args.retention_delete_threads_after_days),
            "DELETE_ORPHANS": str(args.retention_delete_orphans).lower(),
            "DRY_RUN": str(args.retention_dry_run).lower(),
        },
    )
