"""What vault-init runs in a pod: the agent that reads the Jobs' secret."""

from pathlib import Path

from ..inputs.storage import CheckpointStorageArgs
from ..jobs.pod import CREDENTIALS_DIR
from ..kubernetes.files import render

INIT_SCRIPT = Path(__file__).with_name("vault-init.sh")
BACKUP_SUFFIX = "-backup"
AGENT_CONFIG = Path(__file__).with_name("vault-agent.hcl")


def agent_config(args: CheckpointStorageArgs) -> str:
    """Return the agent's configuration; vault-init.sh starts it."""
    return render(
        AGENT_CONFIG,
        {
            "auth_mount": args.vault_auth_mount,
            "role": args.vault_role,
            "secret_path": secret_read_path(args),
            "credentials_dir": CREDENTIALS_DIR,
        },
    )


def secret_read_path(args: CheckpointStorageArgs) -> str:
    """Return the path at which KV version 2 reads the database's secret."""
    return f"{args.vault_kv_mount}/data/{args.vault_secret_path}"


def bucket_secret(args: CheckpointStorageArgs) -> str:
    """Return the path of the bucket's key below the same mount."""
    return args.vault_secret_path + BACKUP_SUFFIX
