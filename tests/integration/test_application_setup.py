"""setup() of an unchanged application passes once its setting says so, and no longer without it."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
import pytest
from langgraph.checkpoint.postgres import PostgresSaver

from tests.integration.conftest import DEV
from tests.support.database import application_credential, connect
from tests.support.deployment import Deployment
from tests.support.documents import follow
from tests.support.saver_session import SEEN, use

PATHS = """
    SELECT setconfig FROM pg_db_role_setting JOIN pg_roles AS r ON r.oid = setrole
    WHERE rolname = %s
"""


@pytest.fixture(scope="module")
def entered(deploy: Callable[..., Deployment]) -> Deployment:
    """Return an environment whose application does not call setup() yet."""
    made = deploy("entered", **DEV)
    made.up().expect()
    return made


def url(deployment: Deployment) -> str:
    """Return what a service hands to from_conn_string()."""
    secret = application_credential(deployment)
    user, password = (quote(secret[key], safe="") for key in ("username", "password"))
    tls = {"sslmode": "verify-full", "sslrootcert": deployment.environ["PGSSLROOTCERT"]}
    place = f"{secret['host']}:{secret['port']}/{quote(secret['database'], safe='')}"
    return f"postgresql://{user}:{password}@{place}?{urlencode(tls)}"


def tables(deployment: Deployment) -> str:
    """Return the tables' schema as pg_dump writes it, with the recorded versions."""
    command = ("pg_dump", "--inserts", "--schema=public", deployment.settings["databaseName"])
    text = deployment.run(*command).expect().text
    return "\n".join(line for line in text.splitlines() if "restrict" not in line)


def paths(deployment: Deployment) -> list[Any]:
    database = deployment.settings["databaseName"]
    with connect(deployment, database) as admin:
        return admin.execute(PATHS.encode(), [f"{database}_app"]).fetchall()


def refused(deployment: Deployment) -> None:
    with (
        PostgresSaver.from_conn_string(url(deployment)) as saver,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="for schema public"),
    ):
        saver.setup()


def test_setup_passes_once_the_setting_says_so(entered: Deployment) -> None:
    refused(entered)
    before = tables(entered)

    follow(entered, "docs/application.md", "applicationSetup").expect()

    assert use(url(entered)) == SEEN
    assert tables(entered) == before
    assert entered.outputs()["verification"]["warnings"] == []
    entered.up("--expect-no-changes", "--refresh").expect()


def test_a_path_that_was_changed_by_hand_is_back_after_a_refresh(entered: Deployment) -> None:
    database = entered.settings["databaseName"]
    with connect(entered, database) as admin:
        admin.execute(f'ALTER ROLE "{database}_app" SET search_path = public'.encode())
    refused(entered)

    entered.up("--refresh").expect()

    assert paths(entered) == [(["search_path=public_setup, public"],)]
    assert use(url(entered)) == SEEN


def test_the_setting_switched_off_takes_all_of_it_away(entered: Deployment) -> None:
    entered.configure(applicationSetup=False)

    entered.up().expect()

    refused(entered)
    assert paths(entered) == [(["search_path=public"],)]
    with connect(entered, entered.settings["databaseName"]) as admin:
        found = admin.execute("SELECT FROM pg_namespace WHERE nspname = 'public_setup'").fetchall()
    assert found == []


def test_with_it_on_a_destroy_leaves_nothing(entered: Deployment) -> None:
    entered.configure(applicationSetup=True)
    entered.up().expect()

    entered.destroy().expect()

    with connect(entered, "postgres") as admin:
        names = [entered.settings["databaseName"], f"{entered.settings['databaseName']}_app"]
        left = admin.execute(
            "SELECT datname FROM pg_database WHERE datname = ANY (%s)"
            " UNION ALL SELECT rolname FROM pg_roles WHERE rolname = ANY (%s)",
            [names, names],
        ).fetchall()
    assert left == []
