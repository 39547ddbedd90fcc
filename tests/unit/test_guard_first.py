"""Nothing is made before the guard has agreed to it."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from pulumi.runtime.mocks import MockMonitor

from components.checkpoint_storage import CheckpointStorage
from components.settings.settings import load as load_settings
from tests.unit.conftest import PROJECT, RecordingMocks
from tests.unit.test_checkpoint_storage import DEV, ENVIRON, EVERY_PART

Dependencies = dict[str, set[str]]


class RecordingMonitor(MockMonitor):
    """Keeps what each resource that is no component depends on, by URN."""

    def __init__(self) -> None:
        super().__init__(RecordingMocks())
        self.dependencies: Dependencies = {}

    def RegisterResource(self, request: Any) -> Any:
        response = super().RegisterResource(request)
        if request.custom:
            self.dependencies[response.urn] = set(request.dependencies)
        return response


@pytest.fixture
def dependencies(configure: Callable[..., None]) -> Callable[..., Dependencies]:
    """Declare the storage for some settings."""

    def run(**values: Any) -> Dependencies:
        configure(**values)
        args = load_settings(ENVIRON)
        monitor = RecordingMonitor()
        pulumi.runtime.set_mocks(
            monitor.mocks, project=PROJECT, stack="dev", preview=False, monitor=monitor
        )
        pulumi.runtime.test(lambda: CheckpointStorage("checkpoints", args))()
        return monitor.dependencies

    return run


@pytest.mark.parametrize(
    "settings",
    [
        DEV,
        {"environment": "dev"},
        DEV | EVERY_PART,
        DEV | EVERY_PART | {"backupClaim": "", "backupClaimSize": "", "backupBucket": "dumps"},
    ],
    ids=["all owned", "nothing owned", "day two", "bucket"],
)
def test_every_resource_waits_for_the_guard(
    dependencies: Callable[..., Dependencies], settings: dict[str, Any]
) -> None:
    waits_for = dependencies(**settings)
    (guard,) = (urn for urn in waits_for if urn.endswith(":DataGuard::checkpoints-guard"))

    behind = {guard}
    while found := {urn for urn, needed in waits_for.items() if needed & behind} - behind:
        behind |= found

    assert len(waits_for) > 10
    assert sorted(waits_for.keys() - behind) == []
