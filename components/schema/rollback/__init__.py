"""The Job that `pulumi destroy` runs first: it drops the tables, or refuses."""

# The modules that other rooms may import. None is imported here, so that a run loads only what it
# needs.
# pyright: reportUnsupportedDunderAll=false
__all__ = ["manifest", "resources"]
