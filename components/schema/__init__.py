"""The Jobs that migrate and verify the checkpoint schema; `rollback` has the Job that drops it."""

# The modules that other rooms may import. None is imported here, so that a run loads only what it
# needs.
# pyright: reportUnsupportedDunderAll=false
__all__ = ["files", "marks", "migration", "report", "verification"]
