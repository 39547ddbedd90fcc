"""Changes each input of an environment once, with rows in its tables: nothing is rolled back.

What a change breaks is mended by the next `up`, or refused before anything is touched.
"""

from collections.abc import Callable

import pytest

from tests.integration.conftest import DEV
from tests.integration.test_drift import ROW, operations
from tests.integration.test_rollback import CHANGED_FILES
from tests.support.changes import ROLLBACKS, SETTINGS, another
from tests.support.database import TABLES, connect, tables
from tests.support.deployment import Deployment

REFUSALS = ("nothing was changed", "nothing was overwritten")
# Left as they are changed: an `up` each, one after the other.
APPLIED = (
    "name",
    "serviceAccount",
    "vaultRole",
    "vaultPolicy",
    "vaultAudience",
    "vaultAddress",
    "vaultAddressInCluster",
    "vaultCaCertFile",
    "kubeconfig",
    "kubeContext",
    "insecureDatabaseSslMode",
    "keepSecretVersions",
    "databaseHost",
    "backoffLimit",
    "startSeconds",
    "timeoutSeconds",
    "ttlSecondsAfterFinished",
    "manageNetworkPolicy",
    "verify",
)


@pytest.fixture(scope="module")
def standing(deploy: Callable[..., Deployment]) -> Deployment:
    """Return an environment with a row in it."""
    deployment = deploy("settings", **DEV)
    deployment.up().expect()
    with connect(deployment, deployment.settings["databaseName"]) as connection:
        connection.execute(ROW.encode())
    return deployment


def assert_the_row_is_there(deployment: Deployment) -> None:
    with connect(deployment, "settings") as connection:
        assert tables(connection) == set(TABLES)
        assert connection.execute("SELECT count(*) FROM checkpoints").fetchone() == (1,)


@pytest.mark.parametrize("key", SETTINGS)
def test_no_preview_of_a_changed_setting_deletes_or_replaces_a_rollback(
    standing: Deployment, key: str
) -> None:
    before = dict(standing.settings)
    standing.configure(**{key: another(standing, key)})
    outcome = standing.preview("--json")
    standing.settings.clear()
    standing.configure(**before)

    if outcome.status:
        assert any(words in outcome.text for words in REFUSALS), outcome.text
        return
    planned = operations(outcome)
    assert {planned.get(name, "same") for name in ROLLBACKS} <= {"same", "update"}, planned


@pytest.mark.parametrize("key", APPLIED)
def test_no_up_with_a_changed_setting_drops_a_row(standing: Deployment, key: str) -> None:
    standing.configure(**{key: another(standing, key)})

    standing.up().expect()

    assert_the_row_is_there(standing)


@pytest.mark.parametrize("file", CHANGED_FILES)
def test_no_up_of_another_program_drops_a_row(standing: Deployment, file: str) -> None:
    with (standing.folder / "components" / file).open("a") as program:
        program.write("# another release\n")

    standing.up().expect()

    assert_the_row_is_there(standing)


def test_rows_are_refused_after_all_these_changes(standing: Deployment) -> None:
    outcome = standing.destroy()

    assert "refusing to drop tables that hold data" in outcome.text
    assert_the_row_is_there(standing)
