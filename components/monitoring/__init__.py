"""Queries, alert rules and a dashboard for the monitoring that is there already."""

# Modules, of which none is imported here: a run takes the time of what it needs.
# pyright: reportUnsupportedDunderAll=false
__all__ = ["checkpoint_monitoring", "files"]
