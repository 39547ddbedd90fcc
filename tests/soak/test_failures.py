"""The causes that tests/integration/test_failures.py leaves out, each through `pulumi up`."""

import pytest

from tests.integration.test_failures import IN_THE_MIGRATION, IN_VAULT_INIT, NEVER_STARTED
from tests.integration.test_failures import dev as dev
from tests.support.causes import CAUSES
from tests.support.deployment import Deployment
from tests.support.failures import fail

OTHERS = [
    cause for cause in CAUSES if cause not in IN_VAULT_INIT + IN_THE_MIGRATION + NEVER_STARTED
]


@pytest.mark.parametrize("cause", OTHERS)
def test_what_fails_ends_up(dev: Deployment, cause: str) -> None:
    fail(dev, cause)
