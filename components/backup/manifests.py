"""Manifests of the scheduled dump, of the restore drill and of their volume, as plain data."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ..inputs.derived import pem
from ..inputs.storage import CheckpointStorageArgs
from ..jobs.pod import CREDENTIALS_DIR, FILES_DIR
from ..jobs.template import JobTemplate
from ..kubernetes.files import render, with_included
from ..kubernetes.manifests import PART_OF
from ..ownership.annotations import owned_by
from ..vault.agent import bucket_secret, secret_read_path
from .bucket import BACKUP, BUCKET_CA, DRILL, DUMP_DIR, KEY_DIR, add_bucket

REPORT = f"{DUMP_DIR}/report"
# Below it lies what is scheduled; dumps before a rollback lie beside it and are never removed.
SCHEDULED_DIR = f"{DUMP_DIR}/scheduled"
HERE = Path(__file__).parent
BACKUP_SCRIPT = HERE / "backup.sh"
FILES = ("restore_drill.sh", "restore_sql.sh", "drop_leftover_drills.sql")


def backup_files(job_files: Mapping[str, str], args: CheckpointStorageArgs) -> dict[str, str]:
    """Return what the pods mount: of the Jobs' files those that are needed, and their own."""
    shared = (
        "backup.sh",
        "connection.sh",
        "vault-init.sh",
        "vault-agent.hcl",
        "verify_migration.sh",
    )
    needed = [n for n in job_files if n in shared or n.endswith((".verify.sql", ".pem"))]
    names = with_included(job_files, needed)
    files = {name: text for name, text in job_files.items() if name in names}
    files |= {name: (HERE / name).read_text() for name in FILES}
    if not args.backup_bucket:
        return files
    agent = render(
        HERE / "vault-agent-bucket.hcl",
        {
            "bucket_dir": KEY_DIR,
            "bucket_path": f"{args.vault_kv_mount}/data/{bucket_secret(args)}",
            "credentials_dir": CREDENTIALS_DIR,
            "secret_path": secret_read_path(args),
        },
    )
    files["vault-agent.hcl"] += agent
    files["bucket.sh"] = (HERE / "bucket.sh").read_text()
    if args.backup_bucket_ca_cert_file:
        files[BUCKET_CA] = pem(args.backup_bucket_ca_cert_file)
    return files


def backup_cron_job(
    jobs: JobTemplate, args: CheckpointStorageArgs, config_map: str
) -> dict[str, Any]:
    """Return the CronJob that dumps the tables and removes dumps that are too old."""
    return jobs.cron_job(
        BACKUP,
        "dump",
        [f"{FILES_DIR}/backup.sh"],
        schedule=args.backup_schedule,
        config_map=config_map,
        environment={"BACKUP_PURPOSE": "schedule", **_place(jobs, args)},
        extend=partial(_add_place, jobs, args, "upload"),
    )


def drill_cron_job(
    jobs: JobTemplate, args: CheckpointStorageArgs, config_map: str
) -> dict[str, Any]:
    """Return the CronJob that restores the newest dump into a scratch database and verifies it."""
    return jobs.cron_job(
        DRILL,
        "restore",
        [f"{FILES_DIR}/restore_drill.sh"],
        schedule=args.restore_drill_schedule,
        config_map=config_map,
        environment={
            "CREDENTIALS_DIR": CREDENTIALS_DIR,
            "MIGRATIONS_DIR": FILES_DIR,
            **_place(jobs, args),
        },
        extend=partial(_add_place, jobs, args, "download"),
    )


def volume_claim(jobs: JobTemplate, args: CheckpointStorageArgs) -> dict[str, Any]:
    """Return the claim that the dumps go to."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": args.backup_claim,
            "namespace": jobs.namespace,
            "labels": {"app.kubernetes.io/part-of": PART_OF},
            # A storage class may bind it to its first pod only, which is the first dump's.
            "annotations": {**owned_by(jobs.environment), "pulumi.com/skipAwait": "true"},
        },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": args.backup_claim_size}},
        },
    }


def _place(jobs: JobTemplate, args: CheckpointStorageArgs) -> dict[str, str]:
    if args.backup_bucket:
        return {"BACKUP_DIR": DUMP_DIR, "BACKUP_NAME": jobs.environment, "BACKUP_REPORT": REPORT}
    return {
        "BACKUP_DIR": SCHEDULED_DIR,
        "BACKUP_NAME": jobs.environment,
        "BACKUP_CLAIM": f"{jobs.namespace}/{args.backup_claim}",
        "BACKUP_KEEP_DAYS": str(args.backup_keep_days),
    }


def _add_place(
    jobs: JobTemplate, args: CheckpointStorageArgs, direction: str, pod: dict[str, Any]
) -> None:
    """Give the pod's container its memory and the place that dumps go to or come from."""
    (container,) = pod["containers"]
    container["resources"]["limits"]["memory"] = args.backup_memory
    if args.backup_bucket:
        environment = _place(jobs, args) | {"BACKUP_KEEP_DAYS": str(args.backup_keep_days)}
        add_bucket(pod, jobs, args, direction, environment)
        return
    read_only = {"readOnly": True} if direction == "download" else {}
    container["volumeMounts"].append({"name": BACKUP, "mountPath": DUMP_DIR} | read_only)
    pod["volumes"].append(
        {"name": BACKUP, "persistentVolumeClaim": {"claimName": args.backup_claim}}
    )
