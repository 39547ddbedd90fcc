"""Each bad input ends `pulumi up` with one clear sentence and leaves nothing half done.

The tests of one module share environments and run in their order: a whole `up` takes seconds.
"""

from collections.abc import Callable
from typing import Any

import pytest
from psycopg import sql

from tests.integration.conftest import DEV
from tests.support.database import connect, recreate, tables
from tests.support.deployment import Deployment

DATABASE = "bad-input"
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


def put(tenant: Deployment, **fields: Any) -> None:
    secret = {"host": tenant.environ["PGHOST"], "port": tenant.environ["PGPORT"]} | SECRET
    pairs = [f"{key}={value}" for key, value in (secret | fields).items() if value is not None]
    tenant.run("bao", "kv", "put", f"-mount={tenant.settings['vaultKvMount']}", "tenant", *pairs)


def refused(tenant: Deployment, sentence: str, **settings: Any) -> str:
    """Expect `up` to fail with the sentence, once, and to leave the database as it was."""
    tenant.configure(**settings)
    outcome = tenant.up()

    assert outcome.status != 0, outcome.text
    diagnostics = outcome.text.rpartition("Diagnostics:")[2]
    assert diagnostics.count(sentence) == 1, outcome.text
    assert "Traceback" not in outcome.text
    assert PASSWORD not in outcome.text
    with connect(tenant, DATABASE) as connection:
        assert tables(connection) == set()
    return diagnostics


def test_i9_a_missing_secret_is_named(tenant: Deployment) -> None:
    refused(tenant, "no secret exists at")


def test_i8_a_missing_field_is_named_and_no_value_shown(tenant: Deployment) -> None:
    put(tenant, password=None)

    refused(tenant, 'the secret has no field "password"')


def test_a_wrong_database_password_is_said_at_once(tenant: Deployment) -> None:
    put(tenant, password="wrong")

    refused(tenant, f'password authentication failed for user "{DATABASE}"')


def test_f18_an_unreachable_database_is_given_up_within_the_deadline(tenant: Deployment) -> None:
    put(tenant, port="1")

    assert "gave up" in refused(tenant, "Connection refused")


def test_s1_a_role_whose_audience_does_not_match_is_said(tenant: Deployment) -> None:
    put(tenant)
    role = f"auth/{tenant.settings['vaultAuthMount']}/role/{tenant.settings['vaultRole']}"
    tenant.run("bao", "write", role, "audience=another").expect()

    refused(tenant, "invalid audience (aud) claim")
    tenant.run("bao", "write", role, "audience=vault").expect()


def test_an_unreachable_vault_is_given_up_within_the_deadline(tenant: Deployment) -> None:
    address = tenant.environ["VAULT_ADDR"].rpartition(":")[0] + ":1"

    assert "gave up" in refused(tenant, "connection refused", vaultAddressInCluster=address)


def test_s11_a_database_with_another_ca_is_not_trusted(tenant: Deployment) -> None:
    system = "/etc/ssl/certs/ca-certificates.crt"

    refused(
        tenant, "certificate verify failed", vaultAddressInCluster="", databaseCaCertFile=system
    )


def test_r4_a_foreign_table_of_the_same_name_is_refused_before_any_write(
    tenant: Deployment,
) -> None:
    tenant.configure(databaseCaCertFile="")
    with connect(tenant, DATABASE) as connection:
        connection.execute("CREATE TABLE checkpoint_writes (id int)")
    outcome = tenant.up()
    with connect(tenant, DATABASE) as connection:
        found = tables(connection)
        connection.execute("DROP TABLE checkpoint_writes")

    assert outcome.status != 0
    assert "refused: " in outcome.text
    assert found == {"checkpoint_writes"}


def test_a_failed_job_runs_again_once_its_cause_is_gone(tenant: Deployment) -> None:
    tenant.up().expect()

    assert tenant.outputs()["verification"]["ok"] is True


def test_settings_are_refused_all_at_once_before_any_resource(
    deploy: Callable[..., Deployment],
) -> None:
    unset = deploy("misspelt", namespce="typo", vaultAddress="no-url", timeoutSeconds=1)

    outcome = unset.up()

    assert outcome.status != 0
    for problem in ("did you mean 'namespace'", "vaultAddress: expected", "timeoutSeconds: exp"):
        assert outcome.text.count(problem) >= 1, outcome.text
    assert "Traceback" not in outcome.text
    assert "kubernetes:" not in unset.state()


def test_an_unknown_environment_is_refused(deploy: Callable[..., Deployment]) -> None:
    unknown = deploy("unknown")
    unknown.configure(environment="")

    outcome = unknown.up()

    assert outcome.status != 0
    assert "this environment is unknown" in outcome.text


def test_an_unreachable_vault_fails_up_before_the_jobs(deploy: Callable[..., Deployment]) -> None:
    lonely = deploy("lonely", manageNamespace=True, manageVaultKvMount=True)

    outcome = lonely.up(VAULT_ADDR="https://127.0.0.1:1")

    assert outcome.status != 0
    assert "connection refused" in outcome.text
    assert "batch/v1:Job" not in lonely.state()


def test_a_wrong_superuser_password_fails_up_before_the_jobs(
    deploy: Callable[..., Deployment],
) -> None:
    locked = deploy("locked", **DEV)

    outcome = locked.up(PGPASSWORD="wrong")

    assert outcome.status != 0
    assert "password authentication failed" in outcome.text
    assert "batch/v1:Job" not in locked.state()
