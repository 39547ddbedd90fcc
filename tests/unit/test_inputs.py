"""Each input is said once, and a wrong value has one sentence wherever it was given."""

import json
import re
from typing import Any

import pulumi
import pytest
import yaml

from components.checkpoint_storage import CheckpointStorage
from components.hosted import TYPE, Plugin, schema
from components.inputs.checks import InputsError, check
from components.inputs.description import documentation, inputs
from components.inputs.reading import FORMER
from components.inputs.storage import CheckpointStorageArgs
from components.settings.settings import PROJECT_FILE
from components.settings.settings import load as load_settings
from tests.support.wrong_inputs import BOOLEANS, MANAGED, blamed, wrong
from tests.unit.test_checkpoint_storage import ENVIRON

KEYS = [each.key for each in inputs()]
DECLARED = yaml.safe_load(PROJECT_FILE.read_text())["config"]
HOSTED = schema()["resources"][TYPE]


@pytest.fixture(autouse=True)
def shell(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VAULT_ADDR", "VAULT_CACERT", "VAULT_NAMESPACE", "PGPORT", "PGSSLROOTCERT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)


def lines(error: Exception) -> list[str]:
    return re.findall(r"^  - (.*)$", str(error), re.M)


def by_program(configure: Any, **values: Any) -> list[str]:
    configure(**values)
    with pytest.raises(InputsError) as refused:
        load_settings(ENVIRON)
    return lines(refused.value)


def by_plugin(**values: Any) -> list[str]:
    with pytest.raises(pulumi.InputPropertiesError) as refused:
        Plugin("0.1.0", None).construct("checkpoints", TYPE, values)
    return lines(refused.value)


def test_program_component_and_python_have_one_name_type_and_default_for_an_input() -> None:
    for each in inputs():
        said = {"type": each.type, "default": each.default}
        described = {"description": documentation()[each.name]}
        assert DECLARED[each.key] == said | described
        # A schema has no default of an object, and a text of JSON is to do too.
        kind = {"$ref": "pulumi.json#/Any"} if each.type == "object" else said
        assert (kind | described).items() <= HOSTED["inputProperties"][each.key].items()
    assert list(DECLARED) == list(HOSTED["inputProperties"]) == KEYS
    assert "requiredInputs" not in HOSTED


def test_no_input_has_two_names() -> None:
    said = [text.split(". ")[0] for text in documentation().values()]
    # A name that only differs in the order of its words is another's.
    words = [tuple(sorted(each.name.split("_"))) for each in inputs()]

    assert len(said) == len(inputs())
    assert sorted({*said}) == sorted(said)
    assert sorted({*words}) == sorted(words)
    assert not FORMER.keys() & {*KEYS}


def test_the_defaults_are_no_problem(configure) -> None:
    configure()

    args, problems = check({}, ENVIRON)

    assert problems == []
    assert args.environment == "dev"


def test_every_wrong_value_is_refused_in_the_same_sentence_by_program_and_plugin(
    configure, tmp_path
) -> None:
    values = wrong(tmp_path)
    program = by_program(configure, **values)
    plugin = by_plugin(**values)

    assert values.keys() | BOOLEANS == {*KEYS}
    assert [key for key in values.keys() - MANAGED if not blamed(key, plugin)] == []
    assert program[0] == "environment: expected the stack's name 'dev', found 'a b'; " + (
        "these look like another environment's settings"
    )
    assert program[1:] == plugin


@pytest.mark.parametrize("value", ["yes", 3])
def test_what_is_no_boolean_is_refused_in_the_same_sentence(configure, value: Any) -> None:
    given = dict.fromkeys(BOOLEANS, value)
    program = by_program(configure, environment="dev", **given)

    assert [key for key in BOOLEANS if not blamed(key, program)] == []
    assert program == by_plugin(**given)


def test_a_secret_of_another_type_is_not_shown(configure) -> None:
    configure()

    said = by_plugin(databasePassword={"pin": 4711}, kubeconfig=4711)

    assert said == [
        "kubeconfig: expected string, found another type",
        "databasePassword: expected string, found another type",
    ]


def test_the_component_refuses_in_python_too(configure) -> None:
    configure()

    with pytest.raises(InputsError, match="CheckpointStorage 'own' have 2 problem") as refused:
        CheckpointStorage("own", CheckpointStorageArgs(namespace="Upper", backoff_limit=99))

    assert lines(refused.value) == [
        "namespace: expected lower-case letters, digits and '-', at most 63, found 'Upper'",
        "backoffLimit: expected a number from 0 to 20, found 99",
    ]


def test_an_unknown_name_is_refused_by_what_is_near_it(configure) -> None:
    configure()

    said = by_plugin(namespce="a", somethingElse=1)

    assert said == [
        "namespce: no such setting; did you mean 'namespace'",
        "somethingElse: no such setting; see docs/settings.md",
    ]


def test_what_had_another_name_is_answered_with_the_new_one(configure) -> None:
    configure()

    said = by_plugin(**{key: {"a": 1} for key in FORMER})

    assert len(said) == len(FORMER)
    for key, now in FORMER.items():
        assert f"{key}: no such setting; set {now}, as docs/inputs.md says" in said
        names = re.findall(r"begin with (\w+)|\b([a-z]+[A-Z]\w+|verify)\b", now)
        assert all(any(k.startswith(a or b) for k in KEYS) for a, b in names), now


def test_the_plugin_makes_no_other_type() -> None:
    with pytest.raises(ValueError, match="expected the type langgraph-checkpoint:index:Check"):
        Plugin("0.1.0", None).construct("other", "langgraph-checkpoint:index:Other", {})


def test_an_object_may_be_json_in_a_text(configure) -> None:
    configure()

    given = {"spec": {"hostPID": True, "securityContext": {"runAsNonRoot": None}}}
    said = by_plugin(podTemplate=json.dumps(given))

    assert said == [
        "podTemplate: spec.hostPID: expected nothing, since the pod shares nothing with its node",
        "podTemplate: spec.securityContext.runAsNonRoot: expected true, found null",
    ]
    for value in ("[]", "no JSON", "3"):
        (said,) = by_plugin(podTemplate=value)
        assert said.startswith("podTemplate: expected object, found ")


def test_an_output_within_an_object_is_refused_by_its_name(configure) -> None:
    configure()

    (said,) = by_plugin(podTemplate={"metadata": {"labels": {"a": pulumi.Output.from_input("b")}}})

    assert said.startswith("podTemplate: expected a value that is known before the deployment")


def test_a_claim_without_a_schedule_is_no_silent_nothing(configure) -> None:
    configure()

    (said,) = by_plugin(backupClaim="dumps")

    assert said.startswith("backupSchedule: expected five fields of cron")
    assert "rollbackBackupClaim" in said


def test_what_the_shell_fills_in_is_checked_too() -> None:
    _, problems = check({}, ENVIRON | {"VAULT_NAMESPACE": "a b"})

    assert problems == ["vaultNamespace: expected names joined by '/', found 'a b'"]


@pytest.mark.parametrize(
    ("values", "key"),
    [
        (
            {"retentionSchedule": "0 3 * * *", "retentionKeepLatestAfterDays": 99999},
            "retentionKeepLatestAfterDays",
        ),
        ({"backupSchedule": "0 3 * * *", "backupClaim": "Bad_Name"}, "backupClaim"),
        ({"applicationReplicas": 100, "applicationMaxConnections": 0}, "applicationMaxConnections"),
        ({"vaultAddress": "http://vault:8200", "insecureVaultHttp": "yes"}, "insecureVaultHttp"),
    ],
)
def test_no_sentence_is_about_the_default_of_a_wrong_value(values: Any, key: str) -> None:
    _, problems = check(values, ENVIRON)

    assert [problem.partition(":")[0] for problem in problems] == [key]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"backupBucketEndpoint": "https://s3:99999"}, "expected a URL such as https://s3"),
        ({"databasePort": "null"}, "databasePort: expected integer, found 'null'"),
        ({"vaultRole": "https://u:hidden@h"}, "found one with a user in it"),
        (
            {"backupSchedule": "0 3 * * *", "backupBucket": "abc", "backupClaimSize": "20Gi"},
            "backupClaimSize: expected backupClaim too, since it is the size of that claim",
        ),
        (
            {"manageSecret": True, "manageDatabase": True, "databaseHost": "u:hidden@h"},
            "found one with a user in it, which the Jobs would show",
        ),
    ],
)
def test_a_value_that_would_fail_later_is_refused(
    configure, values: dict[str, Any], sentence: str
) -> None:
    (problem, *_) = by_program(configure, environment="dev", **values)

    assert sentence in problem
    assert "hidden" not in problem


def test_a_python_program_of_before_is_told_what_takes_the_place_of_its_dict() -> None:
    with pytest.raises(InputsError, match=r"expected CheckpointStorageArgs\(\.\.\.\).*found dict"):
        CheckpointStorage("checkpoints", {"environment": "dev"})  # pyright: ignore[reportArgumentType]
