"""An environment's settings: read by the keys of Pulumi.yaml, checked, turned into inputs.

They are the program's, and no part of the component.
"""

# Modules, of which none is imported here: a run takes the time of what it needs.
# pyright: reportUnsupportedDunderAll=false
__all__ = ["application_connection", "environment_args", "settings"]
