"""Inputs that say where Vault is and what it is to hold."""

from typing import NotRequired, TypedDict


class VaultServerArgs(TypedDict):
    """How this program reaches Vault; the token is that of Vault's own tools."""

    address: str
    """URL of Vault."""
    ca_file: str
    """File with the CA that signed Vault's certificate; empty for the public CAs."""
    namespace: str
    """Namespace of OpenBao or Vault Enterprise; empty for the root namespace."""
    id: NotRequired[str]
    """Identity of a Vault that has taken the known one's place, as the refusal names it."""


class VaultArgs(TypedDict):
    """Where Vault is and what it is to hold."""

    server: VaultServerArgs
    """How this program reaches Vault."""
    address: str
    """URL of Vault as pods reach it."""
    ca_certificate: str
    """PEM of the CA that signed Vault's certificate; empty for the public CAs."""
    namespace: str
    """Namespace of OpenBao or Vault Enterprise; empty for the root namespace."""
    auth_mount: str
    """Mount of the Kubernetes auth method."""
    kubernetes_host: NotRequired[str]
    """URL of the Kubernetes API as Vault reaches it; if given, the auth mount is created."""
    kv_mount: str
    """Mount of the KV version 2 engine."""
    manage_kv_mount: bool
    """Create the KV mount."""
    role: str
    """Kubernetes-auth role of the Jobs."""
    policy: str
    """Policy of the Jobs."""
    audience: str
    """Audience of the login tokens."""
    secret_path: str
    """Path of the Jobs' secret below the KV mount."""
    manage_secret: bool
    """Write the secret once; otherwise it must exist."""
    keep_secret_versions: bool
    """Keep a written secret's versions on destroy."""
