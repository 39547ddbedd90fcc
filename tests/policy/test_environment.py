"""The pack's own Python environment."""

import re
import subprocess
import tomllib

from tests.policy.conftest import PACK
from tests.support.deployment import REPOSITORY


def test_every_requirement_is_locked_to_its_content() -> None:
    text = re.sub(r"(?m)^ *#.*\n", "", (PACK / "requirements.txt").read_text()).strip()
    requirements = re.split(r"\n(?=[a-z])", text)

    assert [one for one in requirements if "==" not in one or "--hash=sha256:" not in one] == []
    assert "://" not in text


def test_the_pack_runs_on_the_sdk_that_the_program_runs_on() -> None:
    locks = [REPOSITORY / "requirements.txt", PACK / "requirements.txt"]
    versions = [re.findall(r"(?m)^pulumi==(\S+)", lock.read_text()) for lock in locks]

    assert versions[0] == versions[1]


def test_the_environment_is_made_from_the_lock() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    (wanted,) = project["dependency-groups"]["policy"]
    command = [PACK / ".venv/bin/python", "-c", "import pulumi_policy, pulumi"]

    assert wanted.startswith("pulumi-policy>=")
    subprocess.run(command, check=True)
