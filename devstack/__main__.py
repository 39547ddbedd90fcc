"""Runs the command line with the Python of the work tree, whichever Python was asked for it."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"


OWN_CLUSTER = (
    "to use a cluster, Vault and PostgreSQL of your own instead, "
    'see "Your own cluster" in README.md'
)


def _enter_venv() -> None:
    """Run this program again with the work tree's Python, unless it is the one that runs."""
    if Path(sys.prefix).resolve() == VENV.resolve():
        return
    if sys.platform != "linux":
        sys.exit(f"devstack: the embedded stack needs Linux, this is {sys.platform}; {OWN_CLUSTER}")
    python = VENV / "bin" / "python"
    if not os.access(python, os.X_OK):
        _make_venv()
    os.execv(python, [str(python), "-m", "devstack", *sys.argv[1:]])


def _make_venv() -> None:
    if os.geteuid() != 0:
        user = f"user {os.geteuid()}"
        sys.exit(f"devstack: the embedded stack needs root, this is {user}; {OWN_CLUSTER}")
    setup = subprocess.run([ROOT / "devstack" / "setup.sh"], check=False)
    if setup.returncode:
        sys.exit(setup.returncode)


_enter_venv()

from devstack.cli import main  # noqa: E402 - only the work tree's Python has what it imports

sys.exit(main())
