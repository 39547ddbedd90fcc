"""The inputs of the component, which are the program's settings: each said once, and checked."""

# Modules, of which none is imported here: a run takes the time of what it needs.
# pyright: reportUnsupportedDunderAll=false
__all__ = ["checks", "derived", "description", "names", "pod_names", "storage"]
