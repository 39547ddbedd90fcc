"""Lints the GitHub workflows with actionlint, which is built once like the stack's own tools."""

import os
import subprocess
import sys
from pathlib import Path

from devstack.toolchain import golang
from devstack.toolchain.golang import Program

ACTIONLINT = Program(
    name="actionlint",
    module="actionlint",
    title="actionlint",
    package="github.com/rhysd/actionlint/cmd/actionlint",
)


def lint(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run actionlint over a repository's workflows, their shell commands included."""
    actionlint = golang.build(ACTIONLINT, lambda line: print(line, file=sys.stderr))
    shellcheck = Path(sys.prefix) / "bin" / "shellcheck"
    command = [str(actionlint), "-shellcheck", str(shellcheck), "-pyflakes=", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def main() -> int:
    """Print what actionlint finds in the repository that this is run in."""
    done = lint(*sys.argv[1:], folder=Path(os.curdir))
    print(done.stdout + done.stderr, end="")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
