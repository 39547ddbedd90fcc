"""Rights of other roles, from end to end: kept off, named, let in by a setting."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.support.database import TABLES, connect, recreate
from tests.support.deployment import REPOSITORY, Deployment
from tests.support.failures import compare_line
from tests.support.saver_session import SEEN, use

OWNER, JOBS, APPLICATION, API = "lodger-owner", "lodger", "lodger-app", "lodger-api"
SECRET = "lodger/postgres"
GRANTEES = """
    SELECT DISTINCT pg_get_userbyid(a.grantee)::text FROM pg_class AS c, aclexplode(c.relacl) AS a
    WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY (%s)
"""


@pytest.fixture(scope="module")
def lodger(dev: Deployment, deploy: Callable[..., Deployment]) -> Deployment:
    """Return an environment in somebody else's database, whose API may do all with new tables."""
    database = dev.settings["databaseName"] + "-lodger"
    with connect(dev, "postgres") as admin:
        recreate(admin, database)
        admin.execute(
            f'CREATE ROLE "{OWNER}"; CREATE ROLE "{API}" LOGIN PASSWORD \'secret\';'
            f'CREATE ROLE "{JOBS}" LOGIN PASSWORD \'secret\' IN ROLE "{OWNER}";'
            f"CREATE ROLE \"{APPLICATION}\" LOGIN PASSWORD 'secret'".encode()
        )
    with connect(dev, database) as admin:
        admin.execute(
            f'GRANT USAGE, CREATE ON SCHEMA public TO "{OWNER}";'
            f'ALTER DEFAULT PRIVILEGES FOR ROLE "{OWNER}" GRANT ALL ON TABLES TO "{API}"'.encode()
        )
    fields = {
        **{"host": dev.environ["PGHOST"], "port": dev.environ["PGPORT"], "database": database},
        **{"username": JOBS, "password": "secret"},
    }
    pairs = [f"{key}={value}" for key, value in fields.items()]
    dev.run("bao", "kv", "put", f"-mount={dev.settings['vaultKvMount']}", SECRET, *pairs).expect()
    owned = ("namespace", "vaultAuthMount", "vaultKvMount")
    made = deploy(
        "lodger",
        **{key: dev.settings[key] for key in owned},
        serviceAccount="lodger",
        vaultSecretPath=SECRET,
        databaseName=database,
        databaseOwner=OWNER,
        databaseApplicationRole=APPLICATION,
        verify="always",
        backoffLimit=0,
    )
    made.configure(name="lodger")
    return made


def grantees(environment: Deployment) -> set[str]:
    with connect(environment, environment.settings["databaseName"]) as admin:
        return {name for (name,) in admin.execute(GRANTEES.encode(), [list(TABLES)])}


def read_as(environment: Deployment, role: str) -> Any:
    credential = {"user": role, "password": "secret"}
    with connect(environment, environment.settings["databaseName"], credential) as connection:
        return connection.execute("SELECT count(*) FROM checkpoints").fetchone()


def test_the_api_of_somebody_elses_database_gets_nothing_on_new_tables(
    lodger: Deployment,
) -> None:
    lodger.up().expect()

    assert grantees(lodger) == {OWNER, APPLICATION}
    assert lodger.outputs()["verification"]["warnings"] == []
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        read_as(lodger, API)


def test_what_is_granted_later_is_a_warning_of_up_of_the_outputs_and_of_the_report(
    lodger: Deployment,
) -> None:
    with connect(lodger, lodger.settings["databaseName"]) as admin:
        admin.execute(
            f'GRANT SELECT ON checkpoints TO "{API}"; GRANT ALL ON checkpoints TO "{APPLICATION}"'
        )

    up = lodger.up().expect()

    outputs = lodger.outputs()
    warnings = outputs["verification"]["warnings"]
    assert [line.split(": ")[1] for line in warnings] == [f'"{API}"', "checkpoints"]
    said = up.text.replace("\n", " ")
    report = subprocess.run(
        [sys.executable, "-m", "devstack.report"],
        cwd=REPOSITORY,
        input=json.dumps(outputs | {"application": {}}),
        capture_output=True,
        text=True,
        check=True,
    )
    for line in warnings:
        assert f"{line}; docs/drift.md says what mends it" in said
        assert f"  warning: {line}\n" in report.stdout


def test_a_named_reader_is_let_in_and_no_longer_warned_of(lodger: Deployment) -> None:
    lodger.configure(databaseReaders=API)

    lodger.up().expect()

    warnings = lodger.outputs()["verification"]["warnings"]
    assert [line.split(": ")[1] for line in warnings] == ["checkpoints"]
    assert read_as(lodger, API) == (0,)
    assert grantees(lodger) == {OWNER, APPLICATION, API}


def test_setup_of_somebody_elses_role_passes_once_an_administrator_has_set_its_path(
    lodger: Deployment,
) -> None:
    lodger.configure(applicationSetup=True)
    with connect(lodger, lodger.settings["databaseName"]) as admin:
        admin.execute(f'CREATE SCHEMA public_setup AUTHORIZATION "{OWNER}"'.encode())
        refused = lodger.up()
        named = re.search(r"ALTER ROLE .* SET search_path = public_setup, public", refused.text)
        assert named, refused.text
        admin.execute(named[0].encode())
    lodger.up().expect()

    compare_line("path of the application", refused.text, "credentials or rights: ", status=11)
    environ = lodger.environ
    service = make_conninfo(
        **{key: environ[f"PG{key.upper()}"] for key in ("host", "port", "sslrootcert")},
        **{"dbname": lodger.settings["databaseName"], "user": APPLICATION, "password": "secret"},
    )
    assert use(service) == SEEN


def test_a_grant_by_hand_in_a_managed_database_ends_up_until_it_is_revoked(
    dev: Deployment, lodger: Deployment
) -> None:
    dev.configure(verify="always")
    with connect(dev, dev.settings["databaseName"]) as admin:
        admin.execute(f'GRANT SELECT ON checkpoint_writes TO "{API}"')
        refused = dev.up()
        admin.execute(f'REVOKE SELECT ON checkpoint_writes FROM "{API}"')
    mended = dev.up()

    line = f'rights: "{API}": expected no right on the tables, found SELECT on checkpoint_writes'
    assert refused.status != 0
    assert line in refused.text
    compare_line("rights of others", refused.text, "expected schema public to equal", status=1)
    mended.expect()
    # From PostgreSQL 16 on whoever made a role may act as it, and that is told as well.
    assert not [each for each in dev.outputs()["verification"]["warnings"] if API in each]
