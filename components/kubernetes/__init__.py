"""Objects of Kubernetes: their manifests, the files in them, and how Pulumi registers them."""

# The modules that other rooms may import. None is imported here, so that a run loads only what it
# needs.
# pyright: reportUnsupportedDunderAll=false
__all__ = ["files", "manifests", "namespace", "object"]
