"""Finds out to whom an object or a server belongs.

Before anything is touched, `check` refuses to take over objects that others made, and `data_guard`
refuses to lose rows. `refusal` only says how a refusal is printed.
"""

# The modules that other rooms may import. None is imported here, so that a run loads only what it
# needs.
# pyright: reportUnsupportedDunderAll=false
__all__ = ["annotations", "check", "data_guard", "owner", "refusal", "servers", "setup"]
