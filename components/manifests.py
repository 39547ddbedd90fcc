"""Kubernetes manifests of the Jobs, as plain data; nothing here knows Pulumi."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CREDENTIALS_DIR = "/vault/secrets"
FILES_DIR = "/migrations"
TOKEN_DIR = "/var/run/secrets/vault"  # noqa: S105 -- a folder
VAULT_CA = "vault-ca.pem"
DATABASE_CA = "database-ca.pem"
# Annotation that tells one environment's objects from another's.
ENVIRONMENT = "langgraph-checkpoint/environment"
# What each container runs first; in the Job itself, out of reach of who can write ConfigMaps.
CHECK_FILES = Path(__file__).with_name("check-files.sh").read_text()

PART_OF = "langgraph-checkpoint"
KINDS = ("migration", "verification", "rollback")

# Any id but 0 will do: the images' files are world-readable, volumes get it through fsGroup.
USER_ID = 10001
# The shortest life that the API server grants a projected token.
TOKEN_SECONDS = 600


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """How to reach the Kubernetes API: a kubeconfig's text and a context, or empty for ambient."""

    kubeconfig: str
    context: str


@dataclass(frozen=True, kw_only=True)
class JobTemplate:
    """What the migration, verification and rollback Jobs share; durations in seconds."""

    cluster: Cluster
    namespace: str
    name: str
    service_account: str
    vault_image: str
    postgres_image: str
    vault_environment: Mapping[str, str]
    database_environment: Mapping[str, str]
    audience: str
    files_sha256: str
    backoff_limit: int
    ttl_seconds: int
    start_seconds: int
    timeout_seconds: int

    @property
    def vault_seconds(self) -> int:
        """How long vault-init may retry; a sixth leaves the rest to the database's trouble."""
        return max(10, self.timeout_seconds // 6)

    @property
    def database_seconds(self) -> int:
        """How long the main container may retry, to end by itself before the Job is killed."""
        return self.timeout_seconds - self.vault_seconds - 10

    @property
    def await_seconds(self) -> int:
        """How long Pulumi waits: past the Job's own deadline, so that the Job's verdict is seen."""
        return self.timeout_seconds + 60

    def job(
        self,
        kind: str,
        number: str,
        container: str,
        command: list[str],
        *,
        config_map: str,
        environment: Mapping[str, str] | None = None,
        annotations: Mapping[str, Any] | None = None,
        backoff_limit: int | None = None,
    ) -> dict[str, Any]:
        """Return the manifest of the Job NAME-KIND-NUMBER: vault-init, then `command`."""
        labels = {
            "app.kubernetes.io/name": f"{self.name}-{kind}",
            "app.kubernetes.io/part-of": PART_OF,
            "app.kubernetes.io/managed-by": "pulumi",
        }
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {
                "name": f"{self.name}-{kind}-{number}",
                "namespace": self.namespace,
                "labels": labels,
                # Without it the next `up` waits for the failed Job again instead of running it.
                "annotations": {"pulumi.com/replaceUnready": "true"},
            },
            "spec": {
                "backoffLimit": self.backoff_limit if backoff_limit is None else backoff_limit,
                # A pod that is still ending must not meet its replacement.
                "podReplacementPolicy": "Failed",
                "activeDeadlineSeconds": self.timeout_seconds,
                "ttlSecondsAfterFinished": self.ttl_seconds,
                "template": {
                    "metadata": {
                        # A mesh's sidecar would keep the Job's pod from ever completing.
                        "labels": {**labels, "sidecar.istio.io/inject": "false"},
                        "annotations": {
                            "sidecar.istio.io/inject": "false",
                            "linkerd.io/inject": "disabled",
                            **(annotations or {}),
                        },
                    },
                    "spec": self._pod(container, command, config_map, environment or {}),
                },
            },
        }

    def _pod(
        self,
        container: str,
        command: list[str],
        config_map: str,
        environment: Mapping[str, str],
    ) -> dict[str, Any]:
        vault_init = _container(
            "vault-init",
            self.vault_image,
            ["sh", f"{FILES_DIR}/vault-init.sh"],
            {
                **self.vault_environment,
                "DEADLINE_SECONDS": str(self.vault_seconds),
                "FILES_SHA256": self.files_sha256,
            },
            [_mount("credentials", CREDENTIALS_DIR), _mount("token", TOKEN_DIR, read_only=True)],
        )
        main = _container(
            container,
            self.postgres_image,
            ["sh", *command],
            {
                **self.database_environment,
                **environment,
                "DEADLINE_SECONDS": str(self.database_seconds),
                "FILES_SHA256": self.files_sha256,
            },
            [_mount("credentials", CREDENTIALS_DIR, read_only=True), _mount("tmp", "/tmp")],  # noqa: S108
        )
        return {
            "serviceAccountName": self.service_account,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "restartPolicy": "Never",
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": USER_ID,
                "runAsGroup": USER_ID,
                "fsGroup": USER_ID,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "initContainers": [vault_init],
            "containers": [main],
            "volumes": _volumes(config_map, self.audience),
        }


def restricted_namespace(name: str, environment: str) -> dict[str, Any]:
    """Return the manifest of a namespace that admits pods of the strictest standard only."""
    modes = ("enforce", "warn", "audit")
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in modes}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": name,
            "labels": labels,
            "annotations": owned_by(environment),
        },
    }


def owned_by(environment: str) -> dict[str, str]:
    """Return the annotations of an object whose fields are this environment's alone."""
    # By default server-side apply leaves a field as it is that somebody else has changed.
    return {ENVIRONMENT: environment, "pulumi.com/patchForce": "true"}


def service_account(namespace: str, environment: str, name: str | None = None) -> dict[str, Any]:
    """Return the manifest of a ServiceAccount; without a name the provider gives it one."""
    metadata: dict[str, Any] = {"namespace": namespace} | ({"name": name} if name else {})
    metadata["annotations"] = owned_by(environment)
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata,
        "automountServiceAccountToken": False,
    }


def config_map(namespace: str, name: str, files: Mapping[str, str]) -> dict[str, Any]:
    """Return the manifest of an immutable ConfigMap."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "immutable": True,
        "data": dict(files),
    }


def _container(
    name: str,
    image: str,
    command: list[str],
    environment: Mapping[str, str],
    mounts: list[dict[str, Any]],
) -> dict[str, Any]:
    return {
        "name": name,
        "image": image,
        "command": ["sh", "-c", _literal(CHECK_FILES), "check-files.sh"],
        "args": command,
        "env": [
            {"name": key, "value": _literal(value)}
            for key, value in sorted({**environment, "FILES_DIR": FILES_DIR}.items())
        ],
        "volumeMounts": [_mount("files", FILES_DIR, read_only=True), *mounts],
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "resources": {
            "requests": {"cpu": "50m", "memory": "64Mi"},
            "limits": {"cpu": "1", "memory": "256Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }


def _literal(text: str) -> str:
    """Return what Kubernetes turns into the text: it expands $(NAME) and takes $$ for $."""
    return text.replace("$", "$$")


def _mount(volume: str, path: str, *, read_only: bool = False) -> dict[str, Any]:
    return {"name": volume, "mountPath": path} | ({"readOnly": True} if read_only else {})


def _volumes(config_map: str, audience: str) -> list[dict[str, Any]]:
    token = {"path": "token", "audience": audience, "expirationSeconds": TOKEN_SECONDS}
    return [
        {"name": "credentials", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
        {"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "4Mi"}},
        {"name": "files", "configMap": {"name": config_map}},
        {"name": "token", "projected": {"sources": [{"serviceAccountToken": token}]}},
    ]
