"""Whose an object is, and whose a server.

It refuses, before anything is touched, to take over what others made and to lose rows.
"""

# Modules, of which none is imported here: a run takes the time of what it needs.
# pyright: reportUnsupportedDunderAll=false
__all__ = ["annotations", "check", "data_guard", "owner", "refusal", "servers", "setup"]
