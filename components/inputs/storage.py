"""Inputs of CheckpointStorage."""

from typing import Any, NotRequired, TypedDict, cast

import pulumi

from .backup import BackupArgs
from .database import DatabaseArgs
from .monitoring import MonitoringArgs
from .retention import RetentionArgs
from .vault import VaultArgs


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
