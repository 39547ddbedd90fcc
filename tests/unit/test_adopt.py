from typing import Any

from components.adopt import named


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
