"""What the verification warns of is said on each `up` and in the report of the stack."""

from typing import Any

import pulumi
import pytest

from devstack.report import render
from tests.unit.conftest import RecordingMocks
from tests.unit.test_checkpoint_storage import DEV, recorded

WARNING = "rights: reports: expected no right on the tables, found SELECT on checkpoints"


@pytest.mark.parametrize("reported", [[WARNING], [], None])
def test_each_warning_of_the_report_is_a_warning_of_pulumi(
    configure, declare, monkeypatch: pytest.MonkeyPatch, reported: list[str] | None
) -> None:
    said: list[str] = []
    register = RecordingMocks.new_resource

    def answer(mocks: RecordingMocks, args: Any) -> tuple[str, dict[str, Any]]:
        identity, outputs = register(mocks, args)
        is_report = args.name == "checkpoints-verification-report"
        return identity, outputs | ({"warnings": reported} if is_report else {})

    monkeypatch.setattr(RecordingMocks, "new_resource", answer)
    monkeypatch.setattr(pulumi.log, "warn", lambda text, *_: said.append(text))
    recorded(configure, declare, **DEV)

    assert said == [f"{text}; docs/drift.md says what mends it" for text in reported or ()]


@pytest.mark.parametrize("reported", [{"warnings": [WARNING]}, {"warnings": []}, {}])
def test_the_printed_report_shows_them(reported: dict[str, list[str]]) -> None:
    verification = {
        "version": 9, "database": "d", "schema": "public", "server": "15.1", "role": "m",
        "checks": {"rights": True}, "tables": {}, **reported,
    }  # fmt: skip
    outputs = {
        **{"verification": verification, "application": {}, "namespace": "n"},
        "migrationJob": "m",
    }

    text = render(outputs)

    assert (f"\n  warning: {WARNING}\n" in text) is bool(reported.get("warnings"))
