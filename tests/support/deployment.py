"""Drives the real program with the real CLI, in a copy of the project of its own."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parents[2]
PROJECT = "langgraph-checkpoint"
PROGRAM = ("Pulumi.yaml", "__main__.py", "components", "migrations", "render")


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    status: int
    text: str

    def expect(self, status: int = 0) -> "Outcome":
        """Return itself if the status is the expected one; fail with the whole output if not."""
        assert self.status == status, self.text
        return self


class Deployment:
    """One environment: a copy of the program, its settings and its stack.

    `deployer` is what pulumi logs in with where it is not the administrator of all other tools.
    """

    def __init__(
        self,
        folder: Path,
        stack: str,
        environ: dict[str, str],
        *,
        initialize: bool = True,
        **settings: Any,
    ) -> None:
        self.folder, self.stack = folder, stack
        self.environ = os.environ | environ | {"PYTHONDONTWRITEBYTECODE": ""}
        self.deployer: dict[str, str] = {}
        folder.mkdir(parents=True, exist_ok=True)
        for name in PROGRAM:
            source = REPOSITORY / name
            if source.is_dir():
                shutil.copytree(source, folder / name)
            else:
                shutil.copy(source, folder / name)
        (folder / ".venv").symlink_to(REPOSITORY / ".venv")
        self.settings: dict[str, Any] = {}
        if initialize:
            self.configure(environment=stack, **settings)
            self.pulumi("stack", "init", stack).expect()

    def configure(self, **settings: Any) -> None:
        """Change settings; the next command sees them."""
        self.settings |= settings
        document = self._document()
        document["config"] = {f"{PROJECT}:{key}": value for key, value in self.settings.items()}
        self._file.write_text(yaml.safe_dump(document))

    def learn(self) -> None:
        """Take over the settings that a command has changed."""
        config = self._document().get("config", {})
        self.settings = {
            # Pulumi writes numbers and truth values as text.
            key.removeprefix(f"{PROJECT}:"): yaml.safe_load(str(value))
            if re.fullmatch(r"true|false|\d+", str(value))
            else value
            for key, value in config.items()
        }

    @property
    def _file(self) -> Path:
        return self.folder / f"Pulumi.{self.stack}.yaml"

    def _document(self) -> dict[str, Any]:
        return yaml.safe_load(self._file.read_text()) if self._file.exists() else {}

    def pulumi(self, *arguments: str, **environ: str) -> Outcome:
        """Run one pulumi command to its end."""
        return self.run("pulumi", *arguments, "--non-interactive", **(self.deployer | environ))

    def run(self, *command: str, **environ: str) -> Outcome:
        """Run any of the stack's tools to its end."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environ | environ,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return Outcome(done.returncode, done.stdout + done.stderr)

    def up(self, *arguments: str, **environ: str) -> Outcome:
        """Run `pulumi up` without the preview before it."""
        return self.pulumi(
            "up", "--yes", "--skip-preview", "--stack", self.stack, *arguments, **environ
        )

    def preview(self, *arguments: str, **environ: str) -> Outcome:
        """Run `pulumi preview`."""
        return self.pulumi("preview", "--stack", self.stack, *arguments, **environ)

    def destroy(self, **environ: str) -> Outcome:
        """Run a plain `pulumi destroy`."""
        return self.pulumi("destroy", "--yes", "--skip-preview", "--stack", self.stack, **environ)

    def outputs(self) -> dict[str, Any]:
        """Return the stack's outputs."""
        text = self.pulumi("stack", "output", "--stack", self.stack, "--json").expect().text
        return json.loads(text)

    def state(self) -> str:
        """Return the stack's exported state as text, secrets encrypted as it keeps them."""
        return self.pulumi("stack", "export", "--stack", self.stack).expect().text
