import base64

import pytest
from pulumi.dynamic import ResourceProvider
from pulumi.dynamic.dynamic import serialize_provider

from components.ownership.data_guard import DataGuardProvider
from components.ownership.owner import OwnershipProvider
from components.schema.report import VerificationReportProvider
from components.schema.rollback.resources import (
    FallbackRollbackProvider,
    SchemaRollbackProvider,
)

PROVIDERS = (
    DataGuardProvider,
    OwnershipProvider,
    SchemaRollbackProvider,
    FallbackRollbackProvider,
    VerificationReportProvider,
)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_state_names_the_class_and_holds_no_code_of_one_interpreter(
    provider: type[ResourceProvider],
) -> None:
    stored = base64.b64decode(serialize_provider(provider()))

    assert provider.__module__.encode() in stored
    assert provider.__qualname__.encode() in stored
    assert len(stored) < 200
