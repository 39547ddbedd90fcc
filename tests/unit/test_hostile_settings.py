"""No text of the configuration becomes code, in whatever it is put."""

import json

import pytest

from components.inputs.checks import InputsError
from components.settings.settings import load as load_settings
from tests.unit.test_checkpoint_storage import DEV, ENVIRON, KUBECONFIG, recorded
from tests.unit.test_settings import DECLARED

HOSTILE = {
    "sql": "x'; DROP TABLE checkpoints; --",
    "identifier": 'x" OWNER TO evil; --',
    "shell": "x$(id)`id`;id|id",
    "kubernetes": "$(OWNER_ROLE)$$",
    "hcl": 'x" { capabilities = ["sudo"] } path "*',
    "template": "{{ .Data.data.password }}${secret_path}",
    "line": "x\ncapabilities: sudo",
    "terminal": "x\x1b[2J\x9b2J",
    "bidirectional": "x\u202etxt",
    "wildcard": "x/*",
    "parent": "../../etc/passwd",
    "option": "--help",
}
# Quoted wherever they go, hence any printable text; a password may be more than that.
QUOTED = {
    "databaseName",
    "databaseSchema",
    "databaseUsername",
    "databaseOwner",
    "databaseApplicationRole",
    "databaseReaders",
}
UNPRINTABLE = {"line", "terminal", "bidirectional"}
# It only picks a context of the kubeconfig, and goes no further.
LOCAL = {"kubeContext"}
SECRET = {"databasePassword"}
REFUSED = {
    key
    for key, declaration in DECLARED.items()
    if declaration["type"] == "string" and key not in QUOTED | LOCAL | SECRET
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_is_not_quoted_is_refused_by_its_name(configure, text: str) -> None:
    configure(**DEV | {"kubeconfig": KUBECONFIG} | dict.fromkeys(REFUSED, text))

    with pytest.raises(InputsError) as caught:
        load_settings(ENVIRON)

    said = str(caught.value)
    assert {key for key in REFUSED if f"\n  - {key}: " not in said} == set()
    assert said.replace("\n", "").isprintable()


@pytest.mark.parametrize("what", sorted(UNPRINTABLE))
def test_what_is_quoted_is_refused_if_a_terminal_would_obey_it(configure, what: str) -> None:
    configure(**DEV | dict.fromkeys(QUOTED, HOSTILE[what]))

    with pytest.raises(InputsError) as caught:
        load_settings(ENVIRON)

    assert {key for key in QUOTED if f"- {key}: " not in str(caught.value)} == set()


@pytest.mark.parametrize("what", sorted(HOSTILE.keys() - UNPRINTABLE))
def test_what_is_quoted_changes_no_file_no_policy_and_no_shape(
    configure, declare, what: str
) -> None:
    # Roles and schema that the program makes may have fewer names still.
    foreign = DEV | {"manageDatabase": False, "databasePassword": "p"}
    plain, hostile = (
        recorded(configure, declare, **foreign | {key: f"{key} {text}" for key in QUOTED}).declared
        for text in ("plain", HOSTILE[what])
    )

    assert hostile.keys() == plain.keys()
    for name in ("ConfigMap checkpoints-migration-files", "Policy checkpoints-access-policy"):
        assert hostile[name].inputs == plain[name].inputs
    escaped = json.dumps(HOSTILE[what].replace("$", "$$"))[1:-1]
    for name in ("Job checkpoints-migration-job", "Job checkpoints-verification-job"):
        text = json.dumps(hostile[name].inputs).replace(escaped, "plain")
        assert text == json.dumps(plain[name].inputs)


def test_the_lists_above_name_settings_that_exist() -> None:
    assert DECLARED.keys() >= QUOTED | LOCAL | SECRET
