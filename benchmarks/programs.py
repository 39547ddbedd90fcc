"""The Pulumi programs that are measured: ours and, if one is given, another one beside it."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.commands import Run, run
from devstack.layout import ROOT
from tests.support.deployment import Deployment

OURS = "pulumi up"
PREPARE = "prepare.sh"
# Both programs print it when the engine begins with the first of their Jobs.
JOB_LINE = "kubernetes:batch/v1:Job"


@dataclass(frozen=True)
class Program:
    """A Pulumi program with a stack of its own."""

    name: str
    folder: Path
    stack: str
    environ: Mapping[str, str]

    def up(self) -> Run:
        """Run `pulumi up` without the preview before it."""
        return self._up()

    def preview(self) -> Run:
        """Run `pulumi preview`."""
        return self._pulumi("preview")

    def destroy(self) -> Run:
        """Run `pulumi destroy`."""
        return self._pulumi("destroy", "--yes", "--skip-preview")

    def up_from_nothing(self) -> Run:
        """Measure `pulumi up` and undo it, which is not measured."""
        measured = self._up(sample_memory=True)
        self.destroy()
        return measured

    def _up(self, *, sample_memory: bool = False) -> Run:
        return self._pulumi("up", "--yes", "--skip-preview", sample_memory=sample_memory)

    def _pulumi(self, *arguments: str, sample_memory: bool = False) -> Run:
        return run(
            *("pulumi", *arguments, "--non-interactive", "--stack", self.stack),
            environ=self.environ,
            folder=self.folder,
            mark=JOB_LINE,
            sample_memory=sample_memory,
        )


def our_program(folder: Path, environ: Mapping[str, str]) -> tuple[Program, Deployment]:
    """Return this repository's program with the settings of its dev environment."""
    settings: dict[str, Any] = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())["config"]
    stack = settings["langgraph-checkpoint:environment"]
    own = {key.partition(":")[2]: value for key, value in settings.items()}
    del own["environment"]
    deployment = Deployment(folder, stack, dict(environ), **own)
    return Program(OURS, deployment.folder, stack, environ), deployment


def other_program(source: Path, folder: Path, environ: Mapping[str, str]) -> Program:
    """Return another program, copied and prepared; it takes what it needs from the variables."""
    shutil.copytree(source, folder)
    if (folder / PREPARE).exists():
        run("sh", PREPARE, environ=environ, folder=folder)
    run("pulumi", "stack", "init", "peer", "--non-interactive", environ=environ, folder=folder)
    name = yaml.safe_load((folder / "Pulumi.yaml").read_text())["name"]
    return Program(name, folder, "peer", environ)
