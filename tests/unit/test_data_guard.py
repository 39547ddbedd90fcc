from typing import Any

import pytest

from components.ownership.data_guard import DataGuardProvider
from components.ownership.refusal import Refused

# Nobody listens there: a preview asks, and goes on without an answer.
SERVERS = {
    "vault": {"address": "https://127.0.0.1:9", "ca_file": "", "namespace": ""},
    "database": {},
    "accepted": {},
}
NAMES = {"database": "graphs", "owner role": "graphs_owner"}
STATE: dict[str, Any] = {
    "owned": {"database": "graphs", "schema": "public"},
    "api_server": "https://one",
    "allow_data_loss": False,
    "names": NAMES,
    "servers": SERVERS,
    "identities": {"Vault": "the-first"},
    "__provider": "pickled",
}
ALLOWED = STATE | {"allow_data_loss": True}


@pytest.fixture
def guard(monkeypatch: pytest.MonkeyPatch) -> DataGuardProvider:
    # What refuses also silences tracebacks; not for the tests behind this one.
    monkeypatch.setattr("sys.tracebacklimit", 1000, raising=False)
    return DataGuardProvider()


@pytest.mark.parametrize(
    "owned",
    [{"schema": "public"}, {"database": "graphs", "schema": "other"}],
    ids=["handed over", "renamed"],
)
def test_what_holds_rows_is_not_left_without_permission(guard, owned: dict[str, str]) -> None:
    with pytest.raises(Refused, match="nothing was changed: expected"):
        guard.diff("id", STATE, STATE | {"owned": owned})


def test_another_api_server_does_not_take_the_namespace_away_without_permission(guard) -> None:
    with pytest.raises(Refused) as refused:
        guard.diff("id", STATE, STATE | {"api_server": "https://two"})

    assert str(refused.value) == (
        "nothing was changed: expected the API server 'https://one', found 'https://two', which "
        "would remove the namespace with all that is in it; set kubeconfig and kubeContext (or "
        "KUBECONFIG) to the first again, or, if the namespace may go, set allowDataLoss to true "
        "and run pulumi up before the change"
    )
    assert guard.diff("id", ALLOWED, ALLOWED | {"api_server": "https://two"}).changes is True


def test_no_api_server_on_either_side_is_no_other_one(guard) -> None:
    older = {key: value for key, value in STATE.items() if key != "api_server"}

    assert guard.diff("id", older, STATE).changes is True
    assert guard.diff("id", STATE, STATE | {"api_server": ""}).changes is True


def test_permission_counts_once_it_was_recorded_not_together_with_the_change(guard) -> None:
    assert guard.diff("id", ALLOWED, ALLOWED | {"owned": {}}).changes is True
    with pytest.raises(Refused):
        guard.diff("id", STATE, ALLOWED | {"owned": {}})


def test_owning_more_is_a_change_and_no_loss(guard) -> None:
    more = STATE["owned"] | {"KV mount": "kv"}

    assert guard.diff("id", STATE, STATE | {"owned": more}).changes is True


def test_equal_inputs_are_no_change_whatever_the_code(guard) -> None:
    assert guard.diff("id", STATE, STATE | {"__provider": "other"}).changes is False


def test_the_refusal_has_no_module_before_its_name() -> None:
    assert f"{Refused.__module__}.{Refused.__qualname__}" == "builtins.Refused"


@pytest.mark.parametrize("what", NAMES)
def test_a_rename_is_refused_whatever_may_be_lost(guard, what: str) -> None:
    renamed = ALLOWED | {"names": NAMES | {what: "taken"}}

    with pytest.raises(Refused, match=f"expected {what} '{NAMES[what]}' to stay .* keeps its name"):
        guard.diff("id", ALLOWED, renamed)


def test_a_database_that_is_handed_over_has_no_names_to_keep(guard) -> None:
    assert guard.diff("id", ALLOWED, ALLOWED | {"names": {}}).changes is True
