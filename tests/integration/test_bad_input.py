"""Each bad input ends `pulumi up` with one clear sentence and leaves nothing half done.

The tests of one module share environments and run in their order: a whole `up` takes seconds.
"""

from collections.abc import Callable

import pytest
from psycopg import sql

from tests.integration.conftest import DEV
from tests.support.database import connect, recreate, tables
from tests.support.deployment import Deployment
from tests.support.failures import compare_line

DATABASE = "bad-input"
PUBLIC_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
PASSWORD = 'it\'s a "b:a\\d" $one'
SECRET = {"database": DATABASE, "username": DATABASE, "password": PASSWORD}


@pytest.fixture(scope="module")
def somebody_elses(dev: Deployment) -> Deployment:
    """Return `dev` with a database in it that the program does not own."""
    with connect(dev, "postgres") as admin:
        role = sql.Identifier(DATABASE)
        admin.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(PASSWORD))
        )
        recreate(admin, DATABASE)
        admin.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(role, role))
    return dev


@pytest.fixture(scope="module")
def tenant(somebody_elses: Deployment, deploy: Callable[..., Deployment]) -> Deployment:
    """Return an environment that finds Vault's mounts, the database and the secret ready."""
    return deploy(
        "tenant",
        manageNamespace=True,
        vaultAuthMount=somebody_elses.settings["vaultAuthMount"],
        vaultKvMount=somebody_elses.settings["vaultKvMount"],
        vaultSecretPath="tenant",
        backoffLimit=0,
        timeoutSeconds=30,
    )


def put(tenant: Deployment) -> None:
    secret = {"host": tenant.environ["PGHOST"], "port": tenant.environ["PGPORT"]} | SECRET
    pairs = [f"{key}={value}" for key, value in secret.items()]
    mount = f"-mount={tenant.settings['vaultKvMount']}"
    tenant.run("bao", "kv", "put", mount, "tenant", *pairs).expect()


def test_a_missing_secret_is_named_before_the_database_is_touched(tenant: Deployment) -> None:
    outcome = tenant.up()

    assert outcome.status != 0
    assert outcome.text.rpartition("Diagnostics:")[2].count("no secret exists at") == 1
    with connect(tenant, DATABASE) as connection:
        assert tables(connection) == set()


def test_a_foreign_table_of_the_same_name_is_refused_before_any_write(
    tenant: Deployment,
) -> None:
    put(tenant)
    with connect(tenant, DATABASE) as connection:
        connection.execute("CREATE TABLE checkpoint_writes (id int)")
    outcome = tenant.up()
    with connect(tenant, DATABASE) as connection:
        found = tables(connection)
        connection.execute("CREATE SCHEMA moved; ALTER TABLE checkpoint_writes SET SCHEMA moved")

    assert outcome.status != 0
    compare_line("foreign table", outcome.text, "refused: ", status=10)
    assert PASSWORD not in outcome.text
    assert found == {"checkpoint_writes"}


def test_a_failed_job_runs_again_once_the_table_has_moved(tenant: Deployment) -> None:
    tenant.up().expect()

    assert tenant.outputs()["verification"]["ok"] is True


def test_an_authority_that_is_taken_back_leaves_no_difference(tenant: Deployment) -> None:
    tenant.configure(databaseCaCertFile=PUBLIC_AUTHORITIES)
    outcome = tenant.up()
    del tenant.settings["databaseCaCertFile"]
    tenant.configure()

    tenant.up().expect()

    assert outcome.status != 0
    compare_line("database of another ca", outcome.text, "credentials or rights: ", status=11)
    # The files of the failed up are gone, and those of the one before it are not.
    tenant.up("--refresh", "--expect-no-changes").expect()


def test_settings_are_refused_all_at_once_before_any_resource(
    deploy: Callable[..., Deployment],
) -> None:
    wrong = {"namespce": "typo", "vaultAddress": "no-url", "timeoutSeconds": 1}
    unset = deploy("misspelt", **DEV, **wrong)

    outcome = unset.up()

    assert outcome.status != 0
    for problem in ("did you mean 'namespace'", "vaultAddress: expected", "timeoutSeconds: exp"):
        assert outcome.text.count(problem) >= 1, outcome.text
    compare_line("settings", outcome.text, "vaultAddress: ")
    assert "Traceback" not in outcome.text
    assert "kubernetes:" not in unset.state()
    del unset.settings["namespce"], unset.settings["vaultAddress"]
    unset.configure(timeoutSeconds=30)
    unset.preview().expect()


def test_an_unknown_environment_is_refused(deploy: Callable[..., Deployment]) -> None:
    unknown = deploy("unknown", **DEV)
    unknown.configure(environment="")

    outcome = unknown.up()

    assert outcome.status != 0
    compare_line("environment", outcome.text, "this environment is unknown")
    unknown.configure(environment="unknown")
    unknown.preview().expect()


def test_an_unreachable_vault_fails_up_before_anything_is_made(
    deploy: Callable[..., Deployment],
) -> None:
    lonely = deploy("lonely", manageNamespace=True, manageVaultKvMount=True)

    outcome = lonely.up(VAULT_ADDR="https://127.0.0.1:1")

    assert outcome.status != 0
    assert "Connection refused" in outcome.text
    assert "core/v1:Namespace" not in lonely.state()


def test_a_wrong_superuser_password_fails_up_before_the_jobs(
    deploy: Callable[..., Deployment],
) -> None:
    locked = deploy("locked", **DEV)

    outcome = locked.up(PGPASSWORD="wrong")

    assert outcome.status != 0
    assert "password authentication failed" in outcome.text
    assert "batch/v1:Job" not in locked.state()
