"""Finds out to whom an object or a server belongs.

Before anything is touched, it refuses to take over objects that others made, and to lose rows.
"""

# The modules that other rooms may import. None is imported here, so that a run loads only what it
# needs.
# pyright: reportUnsupportedDunderAll=false
__all__ = ["annotations", "check", "data_guard", "owner", "refusal", "servers", "setup"]
