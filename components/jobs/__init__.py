"""Runs every Job: its pod, its limits and network, and the message when it fails."""

# The modules that other rooms may import. None is imported here, so that a run loads only what it
# needs.
# pyright: reportUnsupportedDunderAll=false
__all__ = ["awaited_job", "network_policy", "pod", "pods", "setup", "template", "watch"]
