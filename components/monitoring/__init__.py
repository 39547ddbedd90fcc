"""Queries, alert rules and a dashboard for the monitoring that an environment already has."""

# The modules that other rooms may import. None is imported here, so that a run loads only what it
# needs.
# pyright: reportUnsupportedDunderAll=false
__all__ = ["checkpoint_monitoring", "files"]
