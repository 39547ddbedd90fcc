"""The policy pack as the real engine runs it."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from policy.rules import RULES, STACK_RULES
from tests.policy.conftest import PACK
from tests.support.deployment import Deployment
from tests.support.documents import follow

Make = Callable[..., Deployment]
MANDATORY = [rule.name for rule in (*RULES, *STACK_RULES) if rule.mandatory]


@pytest.fixture
def offender(environment: Make) -> Deployment:
    deployment = environment("prod")
    shutil.copy(Path(__file__).with_name("offender.py"), deployment.folder / "__main__.py")
    return deployment


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_our_own_program_keeps_to_the_rules(environment: Make, name: str) -> None:
    preview = environment(name).preview("--policy-pack", str(PACK)).expect()

    assert "langgraph-checkpoint@v" in preview.text
    assert "mandatory" not in preview.text
    assert "can't run policy" not in preview.text


def test_our_own_program_keeps_to_the_rules_where_it_owns_all_in_prod(environment: Make) -> None:
    owning = {"manageDatabase": True, "manageSecret": True, "manageVaultKvMount": True}
    deployment = environment("prod", databaseHost="127.0.0.1", **owning)

    deployment.preview("--policy-pack", str(PACK)).expect()
    deployment.configure(allowDataLoss=True)
    refused = deployment.preview("--policy-pack", str(PACK))

    assert refused.status != 0
    assert "expected allowDataLoss false in prod, found true" in refused.text


def test_the_engine_refuses_what_breaks_a_rule_and_names_the_resource(
    offender: Deployment,
) -> None:
    preview = offender.preview("--policy-pack", str(PACK))

    assert preview.status != 0
    for rule in MANDATORY:
        assert re.search(rf"\[mandatory\]  {rule}  \(.*: {rule}\)", preview.text), preview.text
    assert "[advisory]  images-by-digest" in preview.text


def test_the_strict_configuration_demands_digests(environment: Make) -> None:
    prod = environment("prod")
    (prod.folder / "policy").symlink_to(PACK)

    refused = follow(prod, "docs/ci.md", "strict")

    assert refused.status != 0
    assert "[mandatory]  images-by-digest" in refused.text


def test_a_pack_without_its_environment_says_what_makes_it(
    environment: Make, tmp_path: Path
) -> None:
    shutil.copytree(PACK, tmp_path / "pack", ignore=shutil.ignore_patterns(".venv"))

    failed = environment("dev").preview("--policy-pack", str(tmp_path / "pack"))

    assert failed.status != 0
    assert "/pack/.venv/bin/python, found none: run devstack/setup.sh" in failed.text
