"""A package whose content is not the locked one is not installed."""

import hashlib
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from components.settings.settings import PROJECT_FILE

REPOSITORY = PROJECT_FILE.parent
WHEEL = "harmless-1-py3-none-any.whl"
METADATA = {
    "harmless.py": "",
    "harmless-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: harmless\nVersion: 1\n",
    "harmless-1.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "harmless-1.dist-info/RECORD": "",
}


@pytest.mark.parametrize("file", sorted(REPOSITORY.glob("requirements*.txt")), ids=lambda f: f.name)
def test_every_requirement_is_locked_to_its_content(file: Path) -> None:
    requirements = re.split(r"\n(?=[a-z])", re.sub(r"(?m)^ *#.*\n", "", file.read_text()).strip())

    assert requirements
    assert [one for one in requirements if "==" not in one or "--hash=sha256:" not in one] == []


def test_the_environment_is_installed_from_hashes_only() -> None:
    assert "--require-hashes" in (REPOSITORY / "devstack" / "setup.sh").read_text()


@pytest.mark.parametrize("tampered", [False, True])
def test_a_tampered_wheel_is_refused(tmp_path: Path, tampered: bool) -> None:
    with zipfile.ZipFile(tmp_path / WHEEL, "w") as wheel:
        for name, text in METADATA.items():
            wheel.writestr(name, text)
    digest = hashlib.sha256((tmp_path / WHEEL).read_bytes()).hexdigest()
    (tmp_path / "requirements.txt").write_text(f"harmless==1 --hash=sha256:{digest}\n")
    if tampered:
        with zipfile.ZipFile(tmp_path / WHEEL, "a") as wheel:
            wheel.writestr("evil.py", "")

    installed = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--isolated", "--no-index", "--no-deps"),
            *("--disable-pip-version-check", "--require-hashes", f"--find-links={tmp_path}"),
            *("--dry-run", "--requirement", tmp_path / "requirements.txt"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (installed.returncode != 0) is tampered, installed.stderr
    assert ("DO NOT MATCH THE HASHES" in installed.stderr) is tampered
