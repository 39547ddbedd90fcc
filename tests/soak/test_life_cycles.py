"""Brings an environment up and destroys it, again and again."""

from collections.abc import Callable
from typing import Any

from tests.integration.conftest import DEV
from tests.support.deployment import Deployment
from tests.support.traces import residue, result

LIVES = 20


def test_twenty_lives_of_an_environment_leave_the_same_result(
    deploy: Callable[..., Deployment],
) -> None:
    dev = deploy("lives", **DEV)
    first: dict[str, Any] = {}
    for _ in range(LIVES):
        dev.up().expect()
        found = result(dev)
        first = first or found
        assert found == first
        dev.destroy().expect()
        assert residue(dev) == []
