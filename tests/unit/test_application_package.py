"""The package in application/: built as docs/application.md says, in an environment of its own."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.support.deployment import REPOSITORY
from tests.support.documents import commands

NAME = "langgraph_checkpoint_application"
READ = f"""
import sys
import {NAME}
print({NAME}.__file__)
print(*{NAME}.__all__)
print(*(name for name in sys.modules if name.startswith(("pulumi", "components"))))
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an environment that has what others publish, but not the package."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=120)
    (site_packages,) = folder.glob("lib/python*/site-packages")
    (site_packages / "others.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return folder


@pytest.fixture(scope="module")
def installed(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Follow the page in a clone, without a network, and return where the package is now."""
    clone = tmp_path_factory.mktemp("clone")
    shutil.copytree(REPOSITORY / "application", clone / "application")
    pip = {
        "PIP_NO_INDEX": "1",
        # pip's own name for the option: 0 is without isolation.
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_PYTHON": str(environment / "bin" / "python"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["sh", "-euc", commands("docs/application.md", "install")],
        cwd=clone,
        env=os.environ | pip,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    (package,) = environment.glob(f"lib/python*/site-packages/{NAME}")
    return package


def test_the_package_works_where_neither_pulumi_nor_the_clone_is_imported(
    installed: Path, environment: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [environment / "bin" / "python", "-c", READ],
        cwd=tmp_path,
        env={},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=120,
    )

    file, names, foreign = done.stdout.splitlines()
    assert Path(file) == installed / "__init__.py"
    assert {"checkpoint_pool", "async_checkpoint_pool", "require_schema"} < {*names.split()}
    assert foreign == ""


def test_the_package_is_typed_and_has_every_module_and_nothing_else(installed: Path) -> None:
    sources = (REPOSITORY / "application" / NAME).iterdir()

    found = {path.name for path in installed.iterdir() if path.name != "__pycache__"}
    assert found == {path.name for path in sources if path.name != "__pycache__"}
    assert "py.typed" in found
