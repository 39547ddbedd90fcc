"""The component as a package: built as `pip install` of a clone does, imported elsewhere."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
NAME = "langgraph_checkpoint_storage"
SOURCES = ("components", "migrations", "pyproject.toml", "README.md", "LICENSE")
# What is mounted, or given to Vault and to monitoring.
KINDS = {".sql", ".sh", ".hcl", ".yaml", ".json"}
READ = f"""
import json, sys
from {NAME}.checkpoint_storage import CheckpointStorage
from {NAME}.backup import manifests
from {NAME}.inputs.storage import CheckpointStorageArgs
from {NAME}.monitoring import files as monitoring
from {NAME}.retention.checkpoint_retention import retention_files
from {NAME}.schema import files
from {NAME}.vault.access import owned_policy

mounted = files.load_migrations() | files.load_scripts()
backup = manifests.backup_files(mounted, CheckpointStorageArgs())
print(json.dumps({{
    "component": CheckpointStorage.__module__,
    "mounted": sorted(mounted | backup | retention_files(mounted)),
    "policy": owned_policy("kv", "path", "owner"),
    "rooms": sorted(name for name in sys.modules if name.partition(".")[0] == "components"),
}}))
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clone")
    for name in SOURCES:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy(source, folder / name)
    return folder


@pytest.fixture(scope="module")
def installed(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site-packages")
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--isolated", "--no-index", "--no-deps"),
            *("--disable-pip-version-check", "--no-build-isolation", "--no-compile", "--quiet"),
            *("--target", target, clone),
        ],
        check=True,
        timeout=120,
    )
    return target


def mounted_files() -> Iterator[str]:
    for folder, below in (
        (REPOSITORY / "components", ""),
        (REPOSITORY / "migrations", "migrations/"),
    ):
        for path in folder.rglob("*"):
            if path.suffix in KINDS and path.name != "PulumiPlugin.yaml":
                yield f"{below}{path.relative_to(folder)}"


def test_the_package_has_every_file_that_is_no_python(installed: Path) -> None:
    missing = [name for name in mounted_files() if not (installed / NAME / name).is_file()]

    assert len(list(mounted_files())) > 40
    assert missing == []


def test_the_component_works_without_the_clone(installed: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", READ],
        cwd=tmp_path,
        env={"PYTHONPATH": str(installed)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=120,
    )

    found = json.loads(done.stdout)
    assert found["component"] == f"{NAME}.checkpoint_storage"
    assert found["rooms"] == []
    assert {"001_create_checkpointer_tables.up.sql", "backup.sh", "retention.sql"} < {
        *found["mounted"]
    }
    assert 'path "kv/data/path"' in found["policy"]


def test_the_package_brings_nothing_under_another_name(installed: Path) -> None:
    found = {path.name for path in installed.iterdir()}

    assert {name for name in found if not name.endswith(".dist-info")} == {NAME}
