"""The checkpoint schema's life: migrated, verified and, in `rollback`, undone by Jobs."""

# Modules, of which none is imported here: a run takes the time of what it needs.
# pyright: reportUnsupportedDunderAll=false
__all__ = ["files", "marks", "migration", "report", "verification"]
