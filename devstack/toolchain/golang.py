"""Finds or installs Go and builds the programs whose modules lie in this folder."""

import functools
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from devstack import cache
from devstack.errors import StackError
from devstack.toolchain.patched import Patched

MODULES = Path(__file__).parent
MINIMUM = (1, 26)
WHEEL = MODULES / "requirements-go.txt"


class ToolchainError(StackError):
    """A part of the toolchain could not be built or installed."""


@dataclass(frozen=True)
class Program:
    """One program built from the Go module in the folder `module`."""

    name: str
    module: str
    title: str
    cpu_minutes: int
    package: str = "."
    tags: str = ""
    variables: tuple[str, ...] = ()
    """Go string variables set at link time, as `import/path.Name=value`."""
    embeds: tuple[str, ...] = ()
    """A Go module and the files of it that `main.go` embeds, relative to that module."""
    patched: tuple[Patched, ...] = ()

    @property
    def flags(self) -> list[str]:
        """What `go build` is called with, apart from the output and the package."""
        link = " ".join(["-s", "-w", *(f"-X {variable}" for variable in self.variables)])
        return ["-trimpath", "-buildvcs=false", f"-tags={self.tags}", f"-ldflags={link}"]

    @property
    def key(self) -> str:
        """Name of the cache folder: changes with the sources, the flags and the embedded files.

        The Go release is left out on purpose: a patch of the compiler must not cost a rebuild.
        """
        sources = [file for file in sorted((MODULES / self.module).iterdir()) if _is_source(file)]
        contents = [part for file in sources for part in (file.name, file.read_bytes())]
        changes = [*self.embeds, *map(repr, self.patched)]
        return f"{self.name}-{cache.digest([*contents, *self.flags, self.package, *changes])}"


def required_version(module: str, path: str) -> str:
    """Return the version of `path` that the go.mod of the folder `module` asks for."""
    text = (MODULES / module / "go.mod").read_text()
    match = re.search(rf"^\s*(?:require )?{re.escape(path)} (v\S+)", text, re.MULTILINE)
    if match is None:
        msg = f"{module}/go.mod does not require {path}"
        raise ToolchainError(msg)
    return match[1]


def build(program: Program, report: Callable[[str], None]) -> Path:
    """Return the built program, from the cache or by building it now.

    Raises:
        ToolchainError: Go is not to be had, or the build failed.
    """

    def fill(scratch: Path) -> None:
        go = _go(report)
        effort = f"about {program.cpu_minutes} min of CPU" if program.cpu_minutes else "seconds"
        report(f"building {program.title} ({effort}) …")
        began = time.monotonic()
        sources = scratch / "sources"
        sources.mkdir()
        for file in (MODULES / program.module).iterdir():
            if _is_source(file):
                shutil.copy(file, sources)
        _copy_embeds(go, program, sources)
        for patched in program.patched:
            patched.copy(sources, lambda module: _download(go, module, sources))
        arguments = ["build", *program.flags, "-o", str(scratch), program.package]
        _run_go(go, arguments, sources, f"building {program.title}")
        shutil.rmtree(sources)
        report(f"… done in {time.monotonic() - began:.0f} s")

    built = cache.folder(
        program.key, fill, lambda: report(f"waiting for another process to build {program.title}")
    )
    return built / program.name


def find_go() -> Path | None:
    """Return the Go command on PATH if it is recent enough."""
    found = shutil.which("go")
    if found is None:
        return None
    command = [found, "env", "GOVERSION"]
    answer = subprocess.run(command, env=_environment(), capture_output=True, text=True)
    version = re.match(r"go(\d+)\.(\d+)", answer.stdout)
    recent = version is not None and (int(version[1]), int(version[2])) >= MINIMUM
    return Path(found) if recent else None


def _is_source(file: Path) -> bool:
    return file.suffix in {".go", ".mod", ".sum"} and not file.name.endswith("_test.go")


@functools.cache
def _go(report: Callable[[str], None]) -> Path:
    found = find_go()
    if found is not None:
        return found
    wheel = WHEEL.read_text().split()[0]

    def fill(scratch: Path) -> None:
        report(f"installing {wheel}: there is no Go {MINIMUM[0]}.{MINIMUM[1]} on PATH …")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps"]
        command = [*pip, "--target", str(scratch), "--requirement", str(WHEEL)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise ToolchainError(_failure(f"installing {wheel}", done.stdout))

    name = f"go-{cache.digest([WHEEL.read_bytes()])}"
    waiting = f"waiting for another process to install {wheel}"
    return cache.folder(name, fill, lambda: report(waiting)) / "go" / "bin" / "go"


def _environment() -> dict[str, str]:
    # GOTOOLCHAIN and GOWORK: neither a download of another Go nor a workspace of the user's may
    # change what is built. GOROOT: one that belongs to an older Go must not be used with ours.
    own = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    # The compiler is a short-lived program: collecting garbage less often saves it processor time.
    own["GOGC"] = "400"
    inherited = {name: value for name, value in os.environ.items() if name != "GOROOT"}
    return inherited | own


def _run_go(go: Path, arguments: list[str], folder: Path, purpose: str) -> str:
    command = ["nice", str(go), *arguments]
    done = subprocess.run(command, cwd=folder, env=_environment(), capture_output=True, text=True)
    if done.returncode:
        raise ToolchainError(_failure(purpose, done.stderr))
    return done.stdout


def _copy_embeds(go: Path, program: Program, sources: Path) -> None:
    if not program.embeds:
        return
    module, *files = program.embeds
    origin = _download(go, module, sources)
    for file in files:
        shutil.copyfile(origin / file, sources / Path(file).name)


def _download(go: Path, module: str, sources: Path) -> Path:
    arguments = ["mod", "download", "-json", module]
    return Path(json.loads(_run_go(go, arguments, sources, f"downloading {module}"))["Dir"])


def _failure(what: str, output: str) -> str:
    log = cache.root() / "last-failure.log"
    log.write_text(output)
    last = (output.strip().splitlines() or ["no output"])[-1]
    return f"{what} failed: {last} (the whole output is in {log})"
