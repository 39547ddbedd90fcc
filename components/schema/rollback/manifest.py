"""Manifest of the rollback Job, with the dump that comes first where a claim is named."""

import json
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any

from ...inputs.storage import CheckpointStorageArgs
from ...jobs.pod import FILES_DIR
from ...jobs.template import JobTemplate

BACKUP = "backup"
BACKUP_DIR = "/backup"


@dataclass(frozen=True, kw_only=True)
class RollbackArgs:
    """What a rollback may do, beside what all Jobs share."""

    jobs: JobTemplate
    owns_database: bool
    allow_data_loss: bool
    backup_claim: str
    backup_memory: str

    @property
    def must_succeed(self) -> bool:
        """Whether rows could go with the managed database that were to stay, or to be dumped."""
        return self.owns_database and (not self.allow_data_loss or bool(self.backup_claim))


def rollback_args(args: CheckpointStorageArgs, jobs: JobTemplate) -> RollbackArgs:
    """Return what the component's inputs let a rollback do."""
    return RollbackArgs(
        jobs=jobs,
        owns_database=args.manage_database,
        allow_data_loss=args.allow_data_loss,
        backup_claim=args.rollback_backup_claim,
        backup_memory=args.backup_memory,
    )


def rollback_manifest(args: RollbackArgs, number: str, config_map: str) -> dict[str, Any]:
    """Return the manifest of the Job that drops the tables."""
    # Without the permission only empty tables are dropped, and nothing is worth a dump.
    dumps = args.backup_claim and args.allow_data_loss
    return args.jobs.job(
        "rollback",
        number,
        "rollback",
        [f"{FILES_DIR}/migrate.sh", "down"],
        config_map=config_map,
        environment={
            "ALLOW_DATA_LOSS": json.dumps(args.allow_data_loss),
            "OWNS_DATABASE": json.dumps(args.owns_database),
        },
        backoff_limit=0,
        extend=partial(_back_up_first, args) if dumps else None,
    )


def _back_up_first(args: RollbackArgs, pod: dict[str, Any]) -> None:
    """Add the dump as an init container: the rollback starts only after it has completed."""
    container = deepcopy(pod["containers"][0])
    container["name"] = BACKUP
    container["args"] = ["sh", f"{FILES_DIR}/backup.sh"]
    container["env"] += [
        {"name": "BACKUP_CLAIM", "value": f"{args.jobs.namespace}/{args.backup_claim}"},
        {"name": "BACKUP_DIR", "value": BACKUP_DIR},
        {"name": "BACKUP_NAME", "value": args.jobs.environment},
    ]
    container["resources"]["limits"]["memory"] = args.backup_memory
    container["volumeMounts"].append({"name": BACKUP, "mountPath": BACKUP_DIR})
    pod["initContainers"].append(container)
    pod["volumes"].append(
        {"name": BACKUP, "persistentVolumeClaim": {"claimName": args.backup_claim}}
    )
