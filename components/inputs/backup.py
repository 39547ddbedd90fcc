"""Inputs of the dumps and of the bucket that they may go to."""

from typing import NotRequired, TypedDict


class BucketArgs(TypedDict):
    """Where the bucket is."""

    path: str
    """Name of the bucket, and a prefix behind a slash."""
    endpoint: str
    """URL of the server; empty for AWS."""
    region: str
    """Region of the bucket; empty for the server's default."""
    ca_certificate: str
    """PEM of the CA that signed the server's certificate; empty for the public CAs."""
    image: str
    """Image with sh and rclone."""
    kv_mount: str
    """Mount of the KV version 2 engine that holds the key."""
    secret_path: str
    """Path of the key's secret below the mount."""
    network_policy: bool
    """Create the NetworkPolicy that lets the pods reach the server."""


class BackupArgs(TypedDict):
    """Inputs of CheckpointBackup."""

    schedule: str
    """When the tables are dumped, as cron says it."""
    drill_schedule: str
    """When the newest dump is restored into a scratch database; empty for never."""
    keep_days: int
    """Days that a dump stays."""
    timeout_seconds: int
    """Seconds that one run may take."""
    memory: str
    """Memory that a dump or a restore may take, some eight times the largest value."""
    claim: str
    """PersistentVolumeClaim that holds the dumps; empty where `bucket` does."""
    claim_size: str
    """Size of the claim to create; empty where it exists."""
    bucket: NotRequired[BucketArgs]
    """The bucket that holds the dumps."""
