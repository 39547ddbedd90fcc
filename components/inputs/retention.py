"""Inputs of retention."""

from typing import NotRequired, TypedDict


class RetentionArgs(TypedDict):
    """Inputs of CheckpointRetention."""

    schedule: str
    """When a run starts, as cron says it."""
    keep_latest_after_days: int
    """Days after which an idle thread keeps its newest checkpoints only; 0 for never."""
    delete_threads_after_days: int
    """Days after which an idle thread is deleted; 0 for never."""
    delete_orphans: NotRequired[bool]
    """Delete writes without a checkpoint and blobs that none needs of pruned threads."""
    dry_run: bool
    """Say what would be deleted, delete nothing."""
    timeout_seconds: int
    """Seconds that one run may take; the next one goes on."""
