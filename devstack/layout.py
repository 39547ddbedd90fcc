"""Where a stack keeps its files, and what is recorded about it."""

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from devstack.addresses import API_PORT, NODE_NAME, POSTGRESQL_PORT, VAULT_PORT, Network
from devstack.errors import StackError

ROOT = Path(__file__).resolve().parent.parent
POSTGRESQL_BIN = Path("/usr/lib/postgresql/15/bin")

_SETTINGS = "settings.json"
_APPLICATION = "langgraph-checkpoint"


@dataclass(frozen=True)
class Stack:
    """A stack as recorded in its run folder."""

    name: str
    folder: Path
    network: Network
    database_password: str
    tools: Path
    images: Path

    @property
    def pki(self) -> Path:
        """Folder of the certificates and keys."""
        return self.folder / "pki"

    @property
    def logs(self) -> Path:
        """Folder of one log per part."""
        return self.folder / "logs"

    @property
    def audit(self) -> Path:
        """Folder of the audit logs: the API server's and Vault's."""
        return self.folder / "audit"

    @property
    def records(self) -> Path:
        """Folder of one process record per part."""
        return self.folder / "processes"

    @property
    def node(self) -> Path:
        """Folder of the node: image store, kubelet, pod logs, rendered configuration."""
        return self.folder / "node"

    @property
    def vault(self) -> Path:
        """Folder of the Vault server."""
        return self.folder / "vault"

    @property
    def postgresql(self) -> Path:
        """Folder of the PostgreSQL server."""
        return self.folder / "postgresql"

    @property
    def pulumi(self) -> Path:
        """Folder of Pulumi's state and home."""
        return self.folder / "pulumi"

    def kubeconfig(self, user: str) -> Path:
        """Return the kubeconfig of a user of the cluster."""
        return self.pki / f"{user}.kubeconfig"

    def values(self) -> dict[str, str]:
        """Return what the templates under `config/` may refer to."""
        return {
            "config": str(ROOT / "devstack" / "config"),
            "folder": str(self.folder),
            "audit": str(self.audit),
            "pki": str(self.pki),
            "host": self.network.host,
            "node": self.network.node,
            "pods": self.network.pods,
            "range": self.network.range,
            "services": self.network.services,
            "loopback": self.network.loopback,
            "node_name": NODE_NAME,
            "api_port": str(API_PORT),
            "vault_port": str(VAULT_PORT),
            "postgresql_port": str(POSTGRESQL_PORT),
        }

    def make_folders(self) -> None:
        """Make the run folder with what several parts share."""
        for folder in (
            self.folder,
            self.logs,
            self.audit,
            self.records,
            self.node,
            self.pulumi / "home",
            self.pulumi / "state",
        ):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def save(self) -> None:
        """Record the stack in its run folder, readable by its owner only."""
        record = {
            "name": self.name,
            "network": asdict(self.network),
            "database_password": self.database_password,
            "tools": str(self.tools),
            "images": str(self.images),
        }
        write_private(self.folder / _SETTINGS, json.dumps(record, indent=2))

    @staticmethod
    def read(folder: Path) -> "Stack":
        """Read the record of a run folder.

        Raises:
            StackError: the record is not one that this version writes.
        """
        path = folder / _SETTINGS
        try:
            record = json.loads(path.read_text())
            return Stack(
                name=record["name"],
                folder=folder,
                network=Network(**record["network"]),
                database_password=record["database_password"],
                tools=Path(record["tools"]),
                images=Path(record["images"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            message = f"expected the record of a stack in {path}, found another: remove {folder}"
            raise StackError(message) from error


def stacks_folder() -> Path:
    """Return the folder that holds one run folder per stack."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / _APPLICATION / "devstack"


def check_name(name: str) -> None:
    """Refuse a name that cannot be a folder's.

    Raises:
        StackError: it has other characters than a stack's name may have.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,29}", name):
        message = (
            "expected a stack name of at most 30 lower-case letters, digits and hyphens, "
            f"found {name!r}"
        )
        raise StackError(message)


def run_folder(name: str) -> Path:
    """Return the run folder of a stack, which may not exist yet."""
    return stacks_folder() / name


def recorded() -> list[Stack]:
    """Return every stack that has a run folder, running or not."""
    return [Stack.read(path.parent) for path in sorted(stacks_folder().glob(f"*/{_SETTINGS}"))]


def exists(name: str) -> bool:
    """Tell whether a stack of that name was ever started."""
    return (run_folder(name) / _SETTINGS).exists()


def load(name: str) -> Stack:
    """Return a recorded stack.

    Raises:
        StackError: no stack of that name was ever started.
    """
    if not exists(name):
        message = (
            f"there is no stack {name!r}: start it with `python3 -m devstack --name {name} up`"
        )
        raise StackError(message)
    return Stack.read(run_folder(name))


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, replacing an older one in one step."""
    draft = path.with_name(f".{path.name}.draft")
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(path)
