"""What a program gives the component: one file of typed inputs for each thing that it concerns."""

# Modules, of which none is imported here: a run takes the time of what it needs.
# pyright: reportUnsupportedDunderAll=false
__all__ = ["backup", "database", "monitoring", "retention", "storage", "vault"]
