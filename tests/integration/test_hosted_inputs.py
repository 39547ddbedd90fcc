"""Wrong inputs of the hosted component end a preview with all the sentences of the program."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from components.inputs.description import inputs
from tests.support.deployment import REPOSITORY, Outcome
from tests.support.languages import EXAMPLES, prepare
from tests.support.wrong_inputs import BOOLEANS, MANAGED, blamed, wrong

COMPONENTS = REPOSITORY / "components"


def problems(text: str) -> list[str]:
    """Return the sentences of a refusal, which the engine indents."""
    return re.findall(r"^ +- (\w+(?:, \w+)*: .*)$", text.rpartition("Diagnostics:")[2], re.M)


@pytest.fixture
def preview(
    devstack: dict[str, str], tmp_path: Path
) -> Callable[[str, Callable[[Path], None]], Outcome]:
    """Preview an example after a change of its program."""

    def run(language: str, change: Callable[[Path], None]) -> Outcome:
        folder = tmp_path / "program"
        shutil.copytree(EXAMPLES / language, folder)
        change(folder)
        hosts = prepare(language, folder, tmp_path)
        found = {
            "PATH": os.pathsep.join([*hosts, str(COMPONENTS), devstack["PATH"]]),
            "PYTHONPATH": str(REPOSITORY),
            "PWD": str(folder),
        }
        environ = os.environ | devstack | found

        def pulumi(*arguments: str) -> Outcome:
            done = subprocess.run(
                ["pulumi", "--non-interactive", *arguments],
                cwd=folder,
                env=environ,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            return Outcome(done.returncode, done.stdout + done.stderr)

        pulumi("stack", "init", f"wrong-{language}").expect()
        for key in ("vaultAddress", "databaseHost"):
            pulumi("config", "set", "--plaintext", key, "--", "given").expect()
        try:
            return pulumi("preview")
        finally:
            pulumi("stack", "rm", "--yes").expect()

    return run


def with_properties(**values: object) -> Callable[[Path], None]:
    """Return a change of the program in YAML: other inputs in place of its own."""

    def change(folder: Path) -> None:
        file = folder / "Pulumi.yaml"
        program = yaml.safe_load(file.read_text())
        program["resources"]["checkpoints"]["properties"] = values
        file.write_text(yaml.safe_dump(program))

    return change


def test_each_wrong_value_in_yaml_is_refused_in_the_programs_sentence_and_all_at_once(
    preview, deploy, tmp_path: Path
) -> None:
    values = wrong(tmp_path)
    program = deploy("wrong-inputs")
    program.settings = {}
    program.configure(**values | {"environment": "a b"})

    hosted, own = preview("yaml", with_properties(**values)), program.preview()

    assert hosted.status != 0
    assert own.status != 0
    said = problems(hosted.text)
    assert {*said} == {*problems(own.text)} - {
        each for each in problems(own.text) if "the stack's name" in each
    }
    missed = [each.key for each in inputs() if not blamed(each.key, said)]
    assert {*missed} == BOOLEANS
    assert "Traceback" not in hosted.text


def test_a_word_in_place_of_a_boolean_is_refused_by_yamls_own_host(preview) -> None:
    outcome = preview("yaml", with_properties(**dict.fromkeys(MANAGED, "yes")))

    assert outcome.status != 0
    for key in MANAGED:
        assert f"{key}: Cannot assign type 'string' to type 'boolean'" in outcome.text


def test_a_misspelt_input_in_typescript_is_refused_by_its_name(preview) -> None:
    def misspell(folder: Path) -> None:
        file = folder / "index.ts"
        file.write_text(file.read_text().replace("namespace:", "namespce:"))

    outcome = preview("typescript", misspell)

    assert outcome.status != 0
    assert "namespce: no such setting; did you mean 'namespace'" in outcome.text
    assert "vaultAddress: expected a URL" in outcome.text


def test_an_object_as_json_in_yaml_keeps_its_null_which_the_sdk_drops(preview) -> None:
    given = {"spec": {"securityContext": {"runAsNonRoot": None}, "hostPID": True}}
    sentence = "podTemplate: spec.securityContext.runAsNonRoot: expected true, found null"

    as_text = preview("yaml", with_properties(podTemplate={"fn::toJSON": given}))

    assert as_text.status != 0
    assert sentence in as_text.text
    assert "podTemplate: spec.hostPID: expected nothing" in as_text.text
