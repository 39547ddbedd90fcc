"""What `pulumi destroy` begins with: the Job that drops the tables, or refuses to."""

# Modules, of which none is imported here: a run takes the time of what it needs.
# pyright: reportUnsupportedDunderAll=false
__all__ = ["manifest", "resources"]
