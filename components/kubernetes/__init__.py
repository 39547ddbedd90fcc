"""Objects of Kubernetes: their manifests, the files they carry, and how Pulumi registers them."""

# Modules, of which none is imported here: a run takes the time of what it needs.
# pyright: reportUnsupportedDunderAll=false
__all__ = ["files", "manifests", "namespace", "object"]
