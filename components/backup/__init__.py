"""Dumps the tables on a schedule, to a volume or a bucket, and restores a dump as a drill."""

# The modules that other rooms may import. None is imported here, so that a run loads only what it
# needs.
# pyright: reportUnsupportedDunderAll=false
__all__ = ["checkpoint_backup", "manifests"]
