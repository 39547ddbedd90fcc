"""The pod of every Job: vault-init fetches the credential, one container works with it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

VAULT_INIT = "vault-init"
CREDENTIALS_DIR = "/vault/secrets"
FILES_DIR = "/migrations"
TOKEN_DIR = "/var/run/secrets/vault"  # noqa: S105 -- a folder
VAULT_CA = "vault-ca.pem"
DATABASE_CA = "database-ca.pem"
# What each container runs first; in the Job itself, out of reach of who can write ConfigMaps.
CHECK_FILES = Path(__file__).with_name("check-files.sh").read_text()

# Any id but 0 will do: the images' files are world-readable, volumes get it through fsGroup.
USER_ID = 10001
# The shortest life that the API server grants a projected token.
TOKEN_SECONDS = 600


def pod(
    vault_init: dict[str, Any],
    main: dict[str, Any],
    *,
    service_account: str,
    audience: str,
    config_map: str,
) -> dict[str, Any]:
    """Return the spec of a pod that the strictest Pod Security admits."""
    return {
        "serviceAccountName": service_account,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        # The images are Linux's, in a cluster with nodes of another system too.
        "nodeSelector": {"kubernetes.io/os": "linux"},
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
        "volumes": _volumes(config_map, audience),
    }


def vault_init(image: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the container that reads the credential; it alone gets the login token."""
    return _container(
        VAULT_INIT,
        image,
        ["sh", f"{FILES_DIR}/vault-init.sh"],
        environment,
        [_mount("credentials", CREDENTIALS_DIR), _mount("token", TOKEN_DIR, read_only=True)],
    )


def worker(
    name: str, image: str, command: list[str], environment: Mapping[str, str]
) -> dict[str, Any]:
    """Return the container that works with the credential."""
    return _container(
        name,
        image,
        ["sh", *command],
        environment,
        [_mount("credentials", CREDENTIALS_DIR, read_only=True), _mount("tmp", "/tmp")],  # noqa: S108
    )


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
