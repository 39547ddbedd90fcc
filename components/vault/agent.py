"""What vault-init runs in a pod: the agent that reads the Jobs' secret."""

from pathlib import Path

from ..inputs.vault import VaultArgs
from ..jobs.pod import CREDENTIALS_DIR
from ..kubernetes.files import render

INIT_SCRIPT = Path(__file__).with_name("vault-init.sh")
AGENT_CONFIG = Path(__file__).with_name("vault-agent.hcl")


def agent_config(vault: VaultArgs) -> str:
    """Return the agent's configuration; vault-init.sh starts it."""
    return render(
        AGENT_CONFIG,
        {
            "auth_mount": vault["auth_mount"],
            "role": vault["role"],
            "secret_path": secret_read_path(vault),
            "credentials_dir": CREDENTIALS_DIR,
        },
    )


def secret_read_path(vault: VaultArgs) -> str:
    """Return the path at which KV version 2 reads the database's secret."""
    return f"{vault['kv_mount']}/data/{vault['secret_path']}"
