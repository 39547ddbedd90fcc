"""The whole product of ancestors and servers, of which `make test` runs the typical part."""

import pytest

from tests.migrations.ancestors import ANCESTORS
from tests.migrations.majors import Majors
from tests.migrations.majors import locales as locales
from tests.migrations.majors import majors as majors
from tests.migrations.test_matrix import converge
from tests.support.postgres_versions import SUPPORTED


@pytest.mark.parametrize("ancestor", ANCESTORS)
@pytest.mark.parametrize("version", SUPPORTED)
def test_every_ancestor_becomes_version_9_on_every_server(
    majors: Majors, version: int, ancestor: str
) -> None:
    converge(majors(version), ANCESTORS[ancestor])
