"""How this program itself talks to the Kubernetes API, to Vault and to PostgreSQL.

It uses the logins, proxies and certificates that their own tools and Pulumi's providers use.
"""

# Modules, of which none is imported here: a run takes the time of what it needs.
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
