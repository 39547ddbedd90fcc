"""Runs vault-init.sh as a pod would, against the real Vault and the real API server."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.kubernetes.files import render
from components.vault.agent import AGENT_CONFIG, INIT_SCRIPT
from tests.support.vault_api import Environment


@dataclass
class VaultInit:
    """One pod's view of vault-init: a folder for credentials and a ServiceAccount token."""

    dev: Environment
    folder: Path

    def put(self, secret: dict[str, Any]) -> None:
        """Write another version of the Jobs' secret."""
        mount, path = self.dev.settings["vaultKvMount"], "bizmatters/agent-executor/postgres"
        body = self.folder / "secret.json"
        body.write_text(json.dumps({"data": secret}))
        self.dev.run("bao", "write", f"{mount}/data/{path}", f"@{body}").expect()
        body.unlink()

    def token(self, audience: str = "vault", account: str = "agent-executor") -> str:
        """Return a projected token as the pod would find it."""
        namespace = self.dev.settings["namespace"]
        return (
            self.dev.run(
                *("kubectl", "-n", namespace, "create", "token", account),
                f"--audience={audience}",
            )
            .expect()
            .text
        )

    def run(self, token: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run the script under busybox ash until it ends."""
        process = self.start(token, **environ)
        output, _ = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, output)

    def start(self, token: str, **environ: str) -> subprocess.Popen[str]:
        """Start the script under busybox ash."""
        settings = self.dev.settings
        path = f"{settings['vaultKvMount']}/data/bizmatters/agent-executor/postgres"
        values = {
            "auth_mount": settings["vaultAuthMount"],
            "role": settings["vaultRole"],
            "secret_path": path,
            "credentials_dir": str(self.folder),
        }
        (self.folder / "agent.hcl").write_text(render(AGENT_CONFIG, values))
        (self.folder / "token").write_text(token)
        own = {
            "VAULT_ROLE": settings["vaultRole"],
            "SECRET_PATH": path.replace("/data/", "/"),
            "CREDENTIALS_DIR": str(self.folder),
            "AGENT_CONFIG": str(self.folder / "agent.hcl"),
            "TOKEN_FILE": str(self.folder / "token"),
            "TERMINATION_LOG": str(self.folder / "termination-log"),
            "DEADLINE_SECONDS": "3",
        }
        inherited = {key: v for key, v in self.dev.environ.items() if key != "VAULT_TOKEN"}
        return subprocess.Popen(
            ["busybox", "ash", INIT_SCRIPT],
            env=inherited | own | environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def sentence(self) -> str:
        """Return the termination message."""
        return (self.folder / "termination-log").read_text().strip()

    def left(self) -> set[str]:
        """Return the files that stay in the credentials folder."""
        own = {"agent.hcl", "token", "termination-log"}
        return {path.name for path in self.folder.iterdir()} - own
