import io
import json
from typing import Any

import pytest

from components.adopt import main, named


def step(kind: str, name: str, **inputs: Any) -> dict[str, Any]:
    urn = f"urn:pulumi:dev::langgraph-checkpoint::parent${kind}::{name}"
    return {"op": "create", "urn": urn, "newState": {"type": kind, "inputs": inputs}}


def test_what_exists_by_name_gets_its_id_and_the_rest_is_left_out() -> None:
    role, account, job = (
        "vault:kubernetes/authBackendRole:AuthBackendRole",
        "kubernetes:core/v1:ServiceAccount",
        "kubernetes:batch/v1:Job",
    )
    document = {
        "nameTable": {"vault": "urn"},
        "resources": [
            {"type": "langgraph-checkpoint:index:VaultAccess", "name": "access", "component": True},
            {"type": role, "name": "access-role", "id": "<PLACEHOLDER>"},
            {"type": account, "name": "accessAccount", "logicalName": "access", "id": "<P>"},
            {"type": account, "name": "reviewer", "id": "<PLACEHOLDER>"},
            {"type": job, "name": "job", "id": "<PLACEHOLDER>"},
        ],
    }
    random = {"name": "reviewer-1f", "annotations": {"pulumi.com/autonamed": "true"}}
    preview = {
        "steps": [
            step(role, "access-role", backend="kubernetes", roleName="graphs"),
            step(account, "access", metadata={"namespace": "ns", "name": "graphs"}),
            step(account, "reviewer", metadata=random),
            step(job, "job", metadata={"namespace": "ns", "name": "job"}),
        ]
    }

    adopted = named(document, preview)

    assert adopted["nameTable"] == document["nameTable"]
    assert {each["name"]: each.get("id") for each in adopted["resources"]} == {
        "access": None,
        "access-role": "auth/kubernetes/role/graphs",
        "accessAccount": "ns/graphs",
    }
    some = named(document, preview, ["access-role"])["resources"]
    assert [each["name"] for each in some] == ["access", "access-role"]


@pytest.mark.parametrize(
    ("preview", "complaint"),
    [
        ("error: no stack", "expected the JSON of a pulumi preview, found none"),
        (json.dumps({"steps": []}), "found misspelt; nothing was written"),
    ],
)
def test_what_cannot_be_adopted_is_said_and_nothing_is_written(
    preview: str, complaint: str, tmp_path, monkeypatch
) -> None:
    file = tmp_path / "import.json"
    file.write_text(json.dumps({"resources": []}))
    monkeypatch.setattr("sys.stdin", io.StringIO(preview))

    with pytest.raises(SystemExit, match=complaint):
        main(file, ["misspelt"])

    assert json.loads(file.read_text()) == {"resources": []}
