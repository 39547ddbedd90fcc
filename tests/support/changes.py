"""Another value for each input of an environment, as a change of the settings brings it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.support.deployment import REPOSITORY, Deployment

DECLARED: dict[str, dict[str, Any]] = yaml.safe_load((REPOSITORY / "Pulumi.yaml").read_text())[
    "config"
]
SETTINGS = [key for key in DECLARED if key != "environment"]
# What goes first on destroy; nothing but a destroy may delete or replace it.
ROLLBACKS = {"checkpoints-rollback", "checkpoints-fallback-rollback"}


def another(deployment: Deployment, key: str) -> Any:
    """Return a value of the setting that it does not have now."""
    environ = deployment.environ
    special: dict[str, Callable[[], Any]] = {
        "kubeconfig": lambda: Path(environ["KUBECONFIG"]).read_text(),
        "kubeContext": lambda: yaml.safe_load(Path(environ["KUBECONFIG"]).read_text())[
            "current-context"
        ],
        "vaultAddress": lambda: environ["VAULT_ADDR"] + "/",
        "vaultAddressInCluster": lambda: environ["VAULT_ADDR"] + "/",
        "kubernetesHostForVault": lambda: "https://127.0.0.1:6443",
        "vaultCaCertFile": lambda: copy_of(deployment, environ["VAULT_CACERT"]),
        "databaseCaCertFile": lambda: copy_of(deployment, environ["PGSSLROOTCERT"]),
        "insecureDatabaseSslMode": lambda: "require",
        "verify": lambda: "always",
        "databasePort": lambda: 5433,
    }
    if key in special:
        return special[key]()
    now = deployment.settings.get(key, DECLARED[key]["default"])
    if isinstance(now, bool):
        return not now
    return now + 1 if isinstance(now, int) else f"{now or 'a'}-changed"


def copy_of(deployment: Deployment, file: str) -> str:
    """Return a certificate file of another content that means the same."""
    path = deployment.folder / "another-ca.pem"
    path.write_text(Path(file).read_text() + "\n")
    return str(path)
