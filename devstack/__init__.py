"""The embedded stack: a real Kubernetes node, Vault and PostgreSQL on this machine."""
