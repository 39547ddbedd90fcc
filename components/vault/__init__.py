"""Lets each account read its own credential in Vault, and brings the credential into the pod."""

# The modules that other rooms may import. None is imported here, so that a run loads only what it
# needs.
# pyright: reportUnsupportedDunderAll=false
__all__ = ["access", "agent", "logins", "mounts"]
