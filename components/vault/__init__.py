"""Who may read which credential of Vault, and how a pod gets it."""

# Modules, of which none is imported here: a run takes the time of what it needs.
# pyright: reportUnsupportedDunderAll=false
__all__ = ["access", "accesses", "agent", "mounts"]
