"""How every Job runs: its pod, its limits and network, and what Pulumi says when it fails."""

# Modules, of which none is imported here: a run takes the time of what it needs.
# pyright: reportUnsupportedDunderAll=false
__all__ = ["awaited_job", "network_policy", "pod", "pods", "setup", "template", "watch"]
