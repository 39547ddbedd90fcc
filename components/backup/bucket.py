"""The pods of dumps that go to an S3-compatible bucket, as plain data."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ..inputs.storage import CheckpointStorageArgs
from ..jobs.network_policy import pods_of
from ..jobs.pod import FILES_DIR, worker
from ..jobs.template import JobTemplate
from ..ownership.annotations import owned_by
from ..vault.agent import bucket_secret

BACKUP, DRILL = KINDS = ("backup", "restore-drill")
DUMP_DIR = "/backup"
# Of the credentials the bucket's key alone is there, and of its file only rclone's container knows.
KEY_DIR = "/vault/bucket"
BUCKET_CA = "bucket-ca.pem"
FIELDS = "accessKeyId and secretAccessKey"


def vault_environment(jobs: JobTemplate, args: CheckpointStorageArgs) -> dict[str, str]:
    """Return what vault-init gets to read two secrets instead of one."""
    key = f"{args.vault_kv_mount}/{bucket_secret(args)}"
    return {
        **jobs.vault_environment,
        "RENDERED_FILE": ".rendered-both",
        "SECRET_PATH": f"{jobs.vault_environment['SECRET_PATH']} and {key}",
        "SECRET_FIELDS": f"{FIELDS} if it is {key}",
    }


def add_bucket(
    pod: dict[str, Any],
    jobs: JobTemplate,
    args: CheckpointStorageArgs,
    direction: str,
    environment: Mapping[str, str],
) -> None:
    """Put rclone's container behind the pod's own to upload, before it to download."""
    (main,) = pod["containers"]
    main["volumeMounts"].append({"name": "dump", "mountPath": DUMP_DIR})
    transfer = worker(
        direction,
        args.rclone_image,
        [f"{FILES_DIR}/bucket.sh", direction],
        {
            **environment,
            **_rclone(args),
            "BACKUP_BUCKET": args.backup_bucket,
            "FILES_SHA256": jobs.files_sha256,
        },
    )
    key = {"name": "bucket", "mountPath": KEY_DIR}
    transfer["volumeMounts"] = [
        *(mount for mount in transfer["volumeMounts"] if mount["name"] != "credentials"),
        {**key, "readOnly": True},
        {"name": "dump", "mountPath": DUMP_DIR},
    ]
    pod["initContainers"][0]["volumeMounts"].append(key)
    order = [main, transfer] if direction == "upload" else [transfer, main]
    pod["initContainers"].append(order[0])
    pod["containers"] = order[1:]
    pod["volumes"] += [
        {"name": "bucket", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
        # On the node's disk, which must hold one dump.
        {"name": "dump", "emptyDir": {}},
    ]


def bucket_network_policy(jobs: JobTemplate, args: CheckpointStorageArgs) -> dict[str, Any]:
    """Return what opens the way to the bucket's server beside what all Jobs' pods may reach."""
    port = urlsplit(args.backup_bucket_endpoint).port or 443
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": f"{jobs.name}-bucket",
            "namespace": jobs.namespace,
            "annotations": owned_by(jobs.environment),
        },
        "spec": {
            "podSelector": {"matchExpressions": [pods_of(jobs.name, KINDS)]},
            "policyTypes": ["Egress"],
            # A bucket's address changes, and a policy knows no names.
            "egress": [{"ports": [{"protocol": "TCP", "port": port}]}],
        },
    }


def _rclone(args: CheckpointStorageArgs) -> dict[str, str]:
    """Return rclone's own variables; its key stands in its file."""
    found = {
        "HOME": "/tmp",  # noqa: S108 -- the only place that may be written to
        "RCLONE_CONFIG": f"{KEY_DIR}/rclone.conf",
        "RCLONE_S3_PROVIDER": "Other" if args.backup_bucket_endpoint else "AWS",
        "RCLONE_S3_ENDPOINT": args.backup_bucket_endpoint,
        "RCLONE_S3_REGION": args.backup_bucket_region,
        "RCLONE_CA_CERT": f"{FILES_DIR}/{BUCKET_CA}" if args.backup_bucket_ca_cert_file else "",
    }
    return {name: value for name, value in found.items() if value}
