"""Provisions the database, its three roles and their passwords, and logs a Job's script in."""

# The modules that other rooms may import. None is imported here, so that a run loads only what it
# needs.
# pyright: reportUnsupportedDunderAll=false
__all__ = ["application", "checkpoint_database", "connection"]
