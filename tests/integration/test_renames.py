"""A new name that somebody else has: refused, and no destroy ever goes by it."""

from collections.abc import Callable
from typing import Any

import pytest
from psycopg import sql

from tests.integration.conftest import DEV
from tests.integration.test_servers import run
from tests.support.database import connect, recreate
from tests.support.deployment import Deployment
from tests.support.failures import compare_line

TAKEN = "taken"
NAMES = {
    "databaseName": "database-database",
    "databaseOwner": "database-owner",
    "databaseUsername": "database-migrator",
    "databaseApplicationRole": "database-application",
}
# Given, since they follow from the database's name otherwise.
ROLES = {
    "databaseOwner": "renames_owner",
    "databaseUsername": "renames_migrator",
    "databaseApplicationRole": "renames_app",
}
MOUNTS = {"vaultKvMount": "kv", "vaultAuthMount": "kubernetes"}


@pytest.fixture(scope="module")
def renames(deploy: Callable[..., Deployment]) -> Deployment:
    """Return an environment that may lose its rows, beside what others have named."""
    made = deploy("renames", **DEV, **ROLES, allowDataLoss=True)
    made.up().expect()
    with connect(made, "postgres") as admin:
        admin.execute("CREATE ROLE taken LOGIN")
        recreate(admin, TAKEN)
        admin.execute("ALTER DATABASE taken OWNER TO taken")
    with connect(made, TAKEN) as connection:
        connection.execute("CREATE TABLE orders AS SELECT 1 AS id")
    for kind in ("secrets", "auth"):
        type_ = "kv" if kind == "secrets" else "kubernetes"
        made.run("bao", kind, "enable", f"-path={TAKEN}-{type_}", type_).expect()
    return made


def others(deployment: Deployment) -> list[Any]:
    """Return what stands under the taken names, and whose it is."""
    with connect(deployment, TAKEN) as connection:
        rows: list[Any] = connection.execute("SELECT id FROM orders").fetchall()
        rows += connection.execute(
            "SELECT d.oid, r.oid, r.rolname FROM pg_database AS d JOIN pg_roles AS r"
            " ON r.oid = d.datdba WHERE datname = 'taken'"
        ).fetchall()
    return [*rows, *(mounts(deployment, kind) for kind in ("secrets", "auth"))]


def mounts(deployment: Deployment, kind: str) -> set[str]:
    listed = deployment.run("bao", kind, "list", "-detailed").expect().text
    # Path and accessor, another one for a mount that was made anew.
    return {" ".join(line.split()[:3]) for line in listed.splitlines() if line.startswith(TAKEN)}


def ours(deployment: Deployment) -> list[Any]:
    with connect(deployment, "postgres") as connection:
        return connection.execute(
            sql.SQL("SELECT rolname FROM pg_roles WHERE rolname LIKE 'renames%' UNION ALL ")
            + sql.SQL("SELECT datname FROM pg_database WHERE datname LIKE 'renames%' ORDER BY 1")
        ).fetchall()


@pytest.mark.parametrize("key", NAMES)
def test_a_rename_is_refused_before_anything_is_touched(renames: Deployment, key: str) -> None:
    before, first = (others(renames), ours(renames)), dict(renames.settings)
    renames.configure(**{key: TAKEN})

    outcomes = [run(renames, command) for command in ("preview", "up", "up --refresh")]
    renames.settings.clear()
    renames.configure(**first)

    for outcome in outcomes:
        assert outcome.status != 0
        assert "keeps its name" in outcome.text
    if key == "databaseUsername":
        compare_line("renamed", outcomes[1].text, "nothing was changed: ")
    assert (others(renames), ours(renames)) == before
    renames.up("--refresh", "--expect-no-changes").expect()


@pytest.mark.parametrize(("key", "resource"), NAMES.items())
def test_a_rename_that_the_guard_is_not_asked_about_is_none(
    renames: Deployment, key: str, resource: str
) -> None:
    before, first = (others(renames), ours(renames)), dict(renames.settings)

    for name in (TAKEN, "renames_free"):
        renames.configure(**{key: name})
        renames.up("--target", f"**checkpoints-{resource}").expect()
    renames.settings.clear()
    renames.configure(**first)

    assert (others(renames), ours(renames)) == before
    assert f'"name": "{TAKEN}"' not in renames.state()
    renames.up("--refresh", "--expect-no-changes").expect()


@pytest.mark.parametrize(("key", "type_"), MOUNTS.items())
def test_a_mount_that_is_taken_stays_somebody_elses(
    renames: Deployment, key: str, type_: str
) -> None:
    before, first = others(renames), dict(renames.settings)
    renames.configure(**{key: f"{TAKEN}-{type_}"})

    outcome = renames.up()
    renames.settings.clear()
    renames.configure(**first)

    assert outcome.status != 0
    assert others(renames) == before


def test_the_destroy_after_all_these_takes_what_is_ours(renames: Deployment) -> None:
    before = others(renames)

    renames.destroy().expect()

    assert others(renames) == before
    assert ours(renames) == []
