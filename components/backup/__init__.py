"""Dumps of the tables on a schedule, to a volume or a bucket, and drills that restore them."""

# Modules, of which none is imported here: a run takes the time of what it needs.
# pyright: reportUnsupportedDunderAll=false
__all__ = ["checkpoint_backup", "manifests"]
