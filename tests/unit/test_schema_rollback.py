import pytest

from components.schema_rollback import SchemaRollbackProvider

STATE = {
    "kubeconfig": "k",
    "kube_context": "c",
    "namespace": "ns",
    "job_name": "agent-rollback-001",
    "manifest": "{}",
    "files": {"a": "b"},
    "seconds": 60.0,
    "__provider": "pickled",
}


@pytest.fixture
def provider() -> SchemaRollbackProvider:
    return SchemaRollbackProvider()


@pytest.mark.parametrize("key", [key for key in STATE if key != "__provider"])
def test_no_changed_input_ever_replaces_it(provider: SchemaRollbackProvider, key: str) -> None:
    result = provider.diff("id", STATE, STATE | {key: "changed"})

    assert result.changes is True
    assert result.replaces == []


def test_equal_inputs_are_no_change_whatever_the_code(provider: SchemaRollbackProvider) -> None:
    assert provider.diff("id", STATE, STATE | {"__provider": "other"}).changes is False
