"""Inputs of CheckpointStorage."""

from typing import Any, NotRequired, TypedDict, cast

import pulumi

from .backup_manifests import BackupArgs
from .checkpoint_retention import RetentionArgs
from .monitoring_files import MonitoringArgs


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


class DatabaseServerArgs(TypedDict):
    """How this program reaches PostgreSQL; user and password are those of libpq's variables."""

    host: str
    """Host, the same as that of the PostgreSQL provider."""
    port: int
    """Port, the same as that of the PostgreSQL provider."""
    id: NotRequired[str]
    """Identity of a server that has taken the known one's place, as the refusal names it."""


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


class DatabaseArgs(TypedDict):
    """Where the database is and whose it is."""

    manage: bool
    """Create database, schema and roles."""
    server: NotRequired[DatabaseServerArgs]
    """How this program reaches the server; by default PGHOST and PGPORT, as for the provider."""
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
    readers: NotRequired[str]
    """Roles that may read rows beside it, with commas between; none of them is created here."""
    ssl_mode: str
    """libpq's sslmode."""
    ca_certificate: str
    """PEM of the CA that signed PostgreSQL's certificate; empty for the public CAs."""


class JobArgs(TypedDict):
    """How the Jobs run."""

    name: str
    """Prefix of the Jobs' names."""
    postgres_image: str
    """Image with sh and PostgreSQL's clients, no older than the server where dumps are wanted."""
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
    take_over: NotRequired[str]
    """Owner id of the stack whose objects this one takes over, as the refusal names it."""
    verify_always: bool
    """Verify on every `up`, not only after a change."""
    allow_data_loss: bool
    """Let destroy drop tables that hold rows."""
    backup_claim: str
    """PersistentVolumeClaim that gets a dump before tables are dropped; empty for no dump."""
    backup_memory: NotRequired[str]
    """Memory that this dump may take, some eight times the largest value; 1Gi if not given."""
    backup: NotRequired[BackupArgs]
    """Dumps on a schedule, where one is set."""
    retention: NotRequired[RetentionArgs]
    """What is deleted on a schedule, where one is set."""
    monitoring: NotRequired[MonitoringArgs]
    """Metrics, alerts and a dashboard, where they are wanted."""


def plain_inputs(args: CheckpointStorageArgs) -> CheckpointStorageArgs:
    """Return the inputs with whole numbers: a hosted component gets each of them as a float.

    Raises:
        InputPropertyError: an input is an output of something else; names, hashes and manifests
            are made of them before anything is deployed.
    """
    return cast("CheckpointStorageArgs", _plain(args, ""))


def _plain(value: Any, path: str) -> Any:
    if isinstance(value, dict):
        named = cast("dict[str, Any]", value)
        return {key: _plain(item, f"{path}.{key}".lstrip(".")) for key, item in named.items()}
    later: object = value
    if isinstance(later, pulumi.Output) and path != "database.password":
        found = "expected a value that is known before the deployment, found an output or a secret"
        raise pulumi.InputPropertyError(path, found)
    return int(value) if isinstance(value, float) else value
