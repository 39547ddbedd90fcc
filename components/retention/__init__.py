"""Pruning of idle threads and deletion of old ones, on a schedule."""

# Modules, of which none is imported here: a run takes the time of what it needs.
# pyright: reportUnsupportedDunderAll=false
__all__ = ["checkpoint_retention"]
