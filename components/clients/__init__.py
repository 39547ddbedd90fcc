"""The program's own clients for the Kubernetes API, Vault and PostgreSQL.

They use the same logins, proxies and certificates as kubectl, vault, psql and Pulumi's providers.
"""

# The modules that other rooms may import. None is imported here, so that a run loads only what it
# needs.
# pyright: reportUnsupportedDunderAll=false
__all__ = [
    "cluster",
    "faults",
    "kubeconfig",
    "kubeconfig_rules",
    "kubernetes",
    "postgresql",
    "vault",
]
