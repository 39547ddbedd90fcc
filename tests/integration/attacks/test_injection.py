"""Names full of SQL, shell and Kubernetes' own variables stay names, from end to end."""

from collections.abc import Callable

import pytest

from tests.integration.conftest import DEV
from tests.support.database import connect, tables
from tests.support.deployment import Deployment

NAMES = {
    "databaseName": 'd"; DROP ROLE x; --$(HOME)`id`',
    "databaseSchema": "s'; SELECT 1; --$(OWNER_ROLE)$$",
    "databaseOwner": 'o" LOGIN SUPERUSER; --${PATH}',
    "databaseUsername": "m' OR 1=1 --:'schema'",
    "databaseApplicationRole": "a\"$(id)%s'{{ .Data }}",
}


@pytest.fixture(scope="module")
def hostile(dev: Deployment, deploy: Callable[..., Deployment]) -> Deployment:
    mounts = {key: dev.settings[key] for key in ("vaultAuthMount", "vaultKvMount")}
    own = DEV | {"manageVaultAuthMount": False, "manageVaultKvMount": False}
    deployment = deploy("hostile", **own | mounts | NAMES | {"vaultSecretPath": "hostile/postgres"})
    deployment.up().expect()
    return deployment


def test_hostile_names_are_created_and_verified_as_they_are(hostile: Deployment) -> None:
    report = hostile.outputs()["verification"]

    assert report["ok"] is True
    assert (report["schema"], report["database"], report["role"]) == (
        NAMES["databaseSchema"],
        NAMES["databaseName"],
        NAMES["databaseUsername"],
    )


def test_nothing_in_them_was_executed(hostile: Deployment) -> None:
    roles = [NAMES[f"database{role}"] for role in ("ApplicationRole", "Username", "Owner")]
    with connect(hostile, NAMES["databaseName"]) as admin:
        found = admin.execute(
            "SELECT rolname, rolcanlogin, rolsuper FROM pg_roles WHERE rolname = ANY (%s)"
            " ORDER BY rolname",
            [roles],
        ).fetchall()
        schemas = admin.execute(
            "SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information)' ORDER BY 1"
        ).fetchall()
        assert len(tables(admin)) == 4

    assert found == [(roles[0], True, False), (roles[1], True, False), (roles[2], False, False)]
    assert schemas == [("public",), (NAMES["databaseSchema"],)]


def test_destroy_removes_them_and_nothing_else(hostile: Deployment) -> None:
    hostile.destroy().expect()

    with connect(hostile, "postgres") as admin:
        found = admin.execute(
            "SELECT rolname FROM pg_roles WHERE rolname = ANY (%s) UNION ALL"
            " SELECT datname FROM pg_database WHERE datname = %s",
            [[*NAMES.values()], NAMES["databaseName"]],
        ).fetchall()
    assert found == []
