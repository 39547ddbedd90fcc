"""Passwords and names arrive as they are, or are refused by their field's name."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection, sql
from psycopg.errors import InsufficientPrivilege

from tests.integration.conftest import DEV
from tests.integration.test_vault_init import VaultInit
from tests.support.database import (
    application_credential,
    as_parameters,
    connect,
)
from tests.support.deployment import Deployment

ROW = "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('t', 'c', '{}')"
ASCII = "".join(map(chr, range(32, 127)))
EXACT = {
    "every printable ASCII character": ASCII,
    "tabs and spaces around": " \t a b \t ",
    "carriage return's neighbours": "\x01\x1b[31m\x7f",
    "combining characters": "e\u0301 o\u0308 \u1112\u1161\u11ab",
    "emoji of several code points": "\U0001f469\u200d\U0001f4bb\U0001f1e9\U0001f1ea",
    "byte order mark": "\ufeffpassword\ufeff",
    "soft hyphen and no-break space": "a\u00adb\u00a0c",
    "right to left": "\u05e9\u05dc\u05d5\u05dd abc",
    "URL": "postgresql://u:p@h:5432/d?sslmode=disable#%00",
    "another setting": "x sslmode=disable host=elsewhere",
    "comment": "# not a comment",
    "backslash at the end": "end\\",
    "asterisks": "*:*:*:*:*",
    "Go template and shell": '{{ "x" }} ${HOME} $(id) `id`',
    "64 kB": "\u00e9" * 32_768,
}
REFUSED = {
    "newline at the end": b"secret\\n",
    "newline before": b"\\nsecret",
    "CRLF": b"sec\\r\\nret",
    "carriage return at the end": b"secret\\r",
    "NUL": b"sec\\u0000ret",
    "invalid UTF-8": b"sec\xff\xferet",
    "surrogate": b"sec\\ud800ret",
    "empty": b"",
}


@pytest.fixture
def vault_init(dev: Deployment, tmp_path: Path) -> VaultInit:
    folder = tmp_path / "credentials"
    folder.mkdir()
    return VaultInit(dev, folder)


@pytest.fixture(scope="module")
def token(dev: Deployment) -> str:
    return VaultInit(dev, dev.folder).token()


@pytest.fixture(scope="module")
def admin(dev: Deployment) -> Iterator[Connection[Any]]:
    with connect(dev, "postgres") as connection:
        yield connection


def put(vault_init: VaultInit, password: bytes) -> None:
    """Write a secret whose password is this JSON text."""
    environ = vault_init.dev.environ
    address = {"host": environ["PGHOST"], "port": environ["PGPORT"], "database": "postgres"}
    rest = json.dumps(address | {"username": "peculiar"}).removesuffix("}")
    file = vault_init.folder.parent / "secret.json"
    file.write_bytes(rest.encode() + b', "password": "' + password + b'"}')
    mount, path = vault_init.dev.settings["vaultKvMount"], "bizmatters/agent-executor/postgres"
    vault_init.dev.run("bao", "kv", "put", f"-mount={mount}", path, f"@{file}").expect()


def log_in(vault_init: VaultInit) -> str:
    """Return what psql, configured by vault-init alone, says of its user."""
    return vault_init.dev.run(
        *("psql", "-XAtw", "-c", "SELECT current_user"),
        PGSERVICEFILE=str(vault_init.folder / "pg_service.conf"),
        PGPASSFILE=str(vault_init.folder / "pgpass"),
        PGSERVICE="checkpoint",
        PGPASSWORD="",
    ).text.strip()


@pytest.fixture(scope="module")
def login_role(admin: Connection[Any]) -> Iterator[Callable[[str], None]]:
    """Give one role another password."""
    admin.execute("CREATE ROLE peculiar LOGIN")

    def change(password: str) -> None:
        statement = sql.SQL("ALTER ROLE peculiar PASSWORD {}").format(sql.Literal(password))
        admin.execute(statement)

    yield change
    admin.execute("DROP ROLE peculiar")


@pytest.mark.parametrize("password", EXACT.values(), ids=EXACT.keys())
def test_the_password_reaches_postgresql_exactly(
    vault_init: VaultInit, token: str, login_role: Callable[[str], None], password: str
) -> None:
    login_role(password)
    put(vault_init, json.dumps(password).encode()[1:-1])

    done = vault_init.run(token)

    assert done.returncode == 0, done.stdout
    assert password not in done.stdout
    assert log_in(vault_init) == "peculiar"
    login_role(password + "x")
    assert "authentication failed" in log_in(vault_init)


@pytest.mark.parametrize("password", REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_arrive_is_refused_by_its_name(
    vault_init: VaultInit, token: str, password: bytes
) -> None:
    put(vault_init, password)

    done = vault_init.run(token)

    assert done.returncode == 21, done.stdout
    assert "password" in vault_init.sentence()
    for part in ("sec", "ret"):
        assert part not in done.stdout.replace("secret", "")


BESIDE = "$user Be\"side, '\u00fc' \u8868"
PECULIAR = {
    "namespace": "names",
    "databaseName": 'Gr\u00e4phs "1" %s?#; -- x \\ $y',
    "databaseSchema": "Mi\"xed. 'Sch\u00eama' \u8868",
    "databaseUsername": "MiGrator \"x\" \\ 'y'",
    "databaseOwner": "\u00e9" * 31 + "O",
    "databaseApplicationRole": "select; DROP $user" + "_" * 45,
}


def test_names_that_need_quoting_or_fill_63_bytes_work(
    deploy: Callable[..., Deployment],
) -> None:
    peculiar = deploy("Names.1_X", **(DEV | PECULIAR))
    peculiar.up().expect()
    steps = json.loads(peculiar.preview("--json").expect().text)["steps"]
    planned = {(step["urn"].rpartition("::")[2], step["op"]) for step in steps}

    verification = peculiar.outputs()["verification"]
    credential = as_parameters(application_credential(peculiar))
    with connect(peculiar, PECULIAR["databaseName"], credential) as application:
        application.execute(ROW)
        application.execute("DELETE FROM checkpoints")
    with connect(peculiar, PECULIAR["databaseName"]) as admin:
        where = admin.execute(
            "SELECT DISTINCT relnamespace::regnamespace::text, relowner::regrole::text"
            " FROM pg_class WHERE relname LIKE 'checkpoint%'"
        ).fetchall()
        quoted = admin.execute(
            "SELECT quote_ident(%(databaseSchema)s), quote_ident(%(databaseOwner)s)", PECULIAR
        ).fetchall()
    peculiar.destroy().expect()

    # The provider reads a quoted search_path back with its quotes, and writes the same again.
    assert {step for step in planned if step[1] != "same"} <= {
        ("checkpoints-database-migrator", "update"),
        ("checkpoints-database-application", "update"),
    }
    assert verification["ok"] is True
    assert verification["schema"] == PECULIAR["databaseSchema"]
    assert verification["database"] == PECULIAR["databaseName"]
    assert where == quoted


@pytest.fixture(scope="module")
def neighbour(
    dev: Deployment, admin: Connection[Any], deploy: Callable[..., Deployment]
) -> Deployment:
    """Return an environment in the namespace, the mounts and the database of `dev`."""
    database, password = dev.settings["databaseName"], f"two {ASCII}"
    role = sql.Identifier("neighbour")
    admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(password)))
    with connect(dev, database) as connection:
        owned = sql.Identifier(database)
        connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(owned, role))
        statement = sql.SQL("CREATE SCHEMA {} AUTHORIZATION {}")
        connection.execute(statement.format(sql.Identifier(BESIDE), role))
    shared = ("namespace", "vaultAuthMount", "vaultKvMount", "databaseName")
    return deploy(
        "neighbour",
        **{key: dev.settings[key] for key in shared},
        name="neighbour",
        serviceAccount="neighbour",
        vaultSecretPath="neighbour",
        manageSecret=True,
        databaseUsername="neighbour",
        databasePassword=password,
        databaseSchema=BESIDE,
        backoffLimit=0,
        timeoutSeconds=60,
        allowDataLoss=True,
    )


def test_an_environment_beside_another_does_not_wait_for_its_lock(
    dev: Deployment, neighbour: Deployment
) -> None:
    with connect(dev, dev.settings["databaseName"]) as connection:
        connection.execute(ROW)
        connection.execute("SELECT pg_advisory_lock(1279739699, hashtext('public'))")
        neighbour.up().expect()

    assert neighbour.outputs()["verification"]["schema"] == BESIDE


def test_an_environment_beside_another_reads_no_secret_and_no_row_of_it(
    dev: Deployment, neighbour: Deployment
) -> None:
    policy = neighbour.run(
        *("bao", "token", "create", "-policy=neighbour", "-no-default-policy", "-field=token")
    )
    secret = f"{dev.settings['vaultKvMount']}/data/bizmatters/agent-executor/postgres"
    refused = neighbour.run("bao", "read", secret, VAULT_TOKEN=policy.expect().text.strip())
    login = {"user": "neighbour", "password": neighbour.settings["databasePassword"]}
    with (
        connect(dev, dev.settings["databaseName"], login) as connection,
        pytest.raises(InsufficientPrivilege),
    ):
        connection.execute("SELECT FROM public.checkpoints")

    assert "permission denied" in refused.text


def test_destroying_an_environment_leaves_the_one_beside_it(
    dev: Deployment, neighbour: Deployment
) -> None:
    neighbour.destroy().expect()

    dev.up("--refresh", "--expect-no-changes").expect()
    with connect(dev, dev.settings["databaseName"]) as connection:
        rows = connection.execute("SELECT thread_id FROM checkpoints").fetchall()
        left = connection.execute(
            "SELECT count(*) FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace"
            " WHERE nspname = %s",
            [BESIDE],
        ).fetchone()
    jobs = dev.run("kubectl", "-n", dev.settings["namespace"], "get", "jobs", "-o", "name")
    kept = {job for job in jobs.expect().text.split() if "neighbour-rollback" not in job}
    assert rows == [("t",)]
    assert left == (0,)
    assert kept == {
        "job.batch/agent-executor-migration-001",
        "job.batch/agent-executor-verification-001",
    }


@pytest.mark.parametrize(
    ("managed", "refused"),
    [
        (True, "NetworkPolicy 'agent-executor-jobs'"),
        (False, "Job 'agent-executor-migration-001'"),
    ],
)
def test_an_environment_with_nothing_but_the_jobs_name_of_another_is_refused(
    dev: Deployment, deploy: Callable[..., Deployment], managed: bool, refused: str
) -> None:
    shared = ("namespace", "vaultAuthMount", "vaultKvMount")
    namesake = deploy(
        f"namesake-{managed}".lower(),
        **{key: dev.settings[key] for key in shared},
        serviceAccount="namesake",
        vaultSecretPath="namesake",
        backoffLimit=0,
        manageNetworkPolicy=managed,
    )
    outcome = namesake.up()

    namesake.destroy().expect()
    dev.up("--refresh", "--expect-no-changes").expect()
    assert outcome.status != 0
    assert f"nothing was overwritten: expected {refused} not to exist yet" in outcome.text
    assert f"found that of environment {dev.stack!r}" in outcome.text
    assert "Traceback" not in outcome.text


def test_an_environment_with_the_names_of_another_is_refused(
    dev: Deployment, deploy: Callable[..., Deployment]
) -> None:
    same = {key: dev.settings[key] for key in dev.settings if key.startswith(("vault", "name"))}
    twin = deploy("twin", **same, backoffLimit=0)
    outcome = twin.up()

    twin.destroy().expect()
    dev.up("--refresh", "--expect-no-changes").expect()
    assert outcome.status != 0
    assert "nothing was overwritten: expected ServiceAccount 'agent-executor'" in outcome.text
    assert f"found that of environment {dev.stack!r}" in outcome.text
    assert "Traceback" not in outcome.text
