"""Inputs of CheckpointStorage, and how an environment's settings become them."""

from pathlib import Path
from typing import NotRequired, TypedDict

import pulumi

from .existing import VaultServer
from .settings import Settings


class VaultArgs(TypedDict):
    """Where Vault is and what it is to hold."""

    server: VaultServer
    """How this program reaches Vault."""
    address: str
    """URL of Vault as pods reach it."""
    ca_certificate: str
    """PEM of the CA that signed Vault's certificate; empty for the public CAs."""
    namespace: str
    """Vault or OpenBao namespace; empty for the root namespace."""
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


class DatabaseArgs(TypedDict):
    """Where the database is and whose it is."""

    manage: bool
    """Create database, schema and roles."""
    host: str
    """Host as pods reach it, for a managed secret."""
    port: int
    """Port as pods reach it, for a managed secret."""
    name: str
    """Name of the database."""
    schema: str
    """Schema of the tables."""
    username: str
    """Login role of the Jobs, for a managed secret."""
    password: NotRequired[pulumi.Input[str]]
    """Password of `username`, for a managed secret where the role is not created here."""
    owner: str
    """NOLOGIN role that owns the tables; empty for the login role."""
    application_role: str
    """Role that may read and write rows; empty for nobody."""
    ssl_mode: str
    """libpq's sslmode."""
    ca_certificate: str
    """PEM of the CA that signed PostgreSQL's certificate; empty for the public CAs."""


class JobArgs(TypedDict):
    """How the Jobs run."""

    name: str
    """Prefix of the Jobs' names."""
    postgres_image: str
    """Image with sh and psql."""
    vault_image: str
    """Image with sh and vault."""
    backoff_limit: int
    """How often Kubernetes retries a failed pod."""
    ttl_seconds: int
    """Seconds that a finished Job stays."""
    start_seconds: int
    """Seconds that a pod may fail to start."""
    timeout_seconds: int
    """Seconds that one Job may take."""


class CheckpointStorageArgs(TypedDict):
    """Inputs of CheckpointStorage."""

    namespace: str
    """Kubernetes namespace of the ServiceAccount and the Jobs."""
    manage_namespace: bool
    """Create the namespace, with restricted Pod Security."""
    manage_network_policy: bool
    """Create the NetworkPolicy of the Jobs' pods."""
    service_account: str
    """ServiceAccount of the Jobs."""
    kubeconfig: str
    """Kubeconfig as text, for what reads pods; empty for the ambient one."""
    kube_context: str
    """Context of the kubeconfig; empty for its current one."""
    vault: VaultArgs
    """Vault's side."""
    database: DatabaseArgs
    """The database's side."""
    jobs: JobArgs
    """How the Jobs run."""
    environment: str
    """Name of the environment, for the name of a dump."""
    verify_always: bool
    """Verify on every `up`, not only after a change."""
    allow_data_loss: bool
    """Let destroy drop tables that hold rows."""
    backup_claim: str
    """PersistentVolumeClaim that gets a dump before tables are dropped; empty for no dump."""


def storage_args(settings: Settings) -> CheckpointStorageArgs:
    """Return the component's inputs for an environment's settings."""
    return {
        "namespace": settings.namespace,
        "manage_namespace": settings.manage_namespace,
        "manage_network_policy": settings.manage_network_policy,
        "service_account": settings.service_account,
        "kubeconfig": settings.kubeconfig,
        "kube_context": settings.kube_context,
        "vault": _vault_args(settings),
        "database": _database_args(settings),
        "jobs": {
            "name": settings.name,
            "postgres_image": settings.postgres_image,
            "vault_image": settings.vault_image,
            "backoff_limit": settings.backoff_limit,
            "ttl_seconds": settings.ttl_seconds_after_finished,
            "start_seconds": settings.start_seconds,
            "timeout_seconds": settings.timeout_seconds,
        },
        "environment": settings.environment,
        "verify_always": settings.verify == "always",
        "allow_data_loss": settings.allow_data_loss,
        "backup_claim": settings.rollback_backup_claim,
    }


def _vault_args(settings: Settings) -> VaultArgs:
    args: VaultArgs = {
        "server": VaultServer(
            address=settings.vault_address,
            ca_file=settings.vault_ca_cert_file,
            namespace=settings.vault_namespace,
        ),
        "address": settings.vault_address_in_cluster,
        "ca_certificate": _pem(settings.vault_ca_cert_file),
        "namespace": settings.vault_namespace,
        "auth_mount": settings.vault_auth_mount,
        "kv_mount": settings.vault_kv_mount,
        "manage_kv_mount": settings.manage_vault_kv_mount,
        "role": settings.vault_role,
        "policy": settings.vault_policy,
        "audience": settings.vault_audience,
        "secret_path": settings.vault_secret_path,
        "manage_secret": settings.manage_secret,
        "keep_secret_versions": settings.keep_secret_versions,
    }
    if settings.manage_vault_auth_mount:
        args["kubernetes_host"] = settings.kubernetes_host_for_vault
    return args


def _database_args(settings: Settings) -> DatabaseArgs:
    args: DatabaseArgs = {
        "manage": settings.manage_database,
        "host": settings.database_host,
        "port": settings.database_port,
        "name": settings.database_name,
        "schema": settings.database_schema,
        "username": settings.database_username,
        "owner": settings.database_owner,
        "application_role": settings.database_application_role,
        "ssl_mode": settings.insecure_database_ssl_mode or "verify-full",
        "ca_certificate": _pem(settings.database_ca_cert_file),
    }
    if settings.database_password:
        args["password"] = pulumi.Output.secret(settings.database_password)
    return args


def _pem(path: str) -> str:
    return Path(path).read_text() if path else ""
