"""The database, its three roles and their passwords; and how a Job's script logs in to it."""

# Modules, of which none is imported here: a run takes the time of what it needs.
# pyright: reportUnsupportedDunderAll=false
__all__ = ["checkpoint_database", "connection"]
