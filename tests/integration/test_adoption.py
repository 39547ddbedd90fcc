"""The ways to take over what exists, by the commands of docs/adopt.md."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg import sql
from psycopg.rows import dict_row

from tests.support.database import application_credential, as_parameters, connect, recreate
from tests.support.deployment import Deployment, Outcome
from tests.support.documents import follow
from tests.support.failures import compare_line

DOCUMENT = "docs/adopt.md"
ROW = "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('t', 'c', '{}')"
ROWS = """
SELECT 'v', v::text, xmin::text, ctid::text FROM checkpoint_migrations
UNION ALL SELECT 't', thread_id, xmin::text, ctid::text FROM checkpoints ORDER BY 1, 2
"""
PASSWORD = "f\u00fcnf: \U0001f511 \\ 'quoted' \"twice\" $HOME `id`"


def rows(deployment: Deployment, database: str) -> list[Any]:
    """Return every row's place and last writer: a row that was written again has others."""
    with connect(deployment, database) as connection:
        return connection.execute(ROWS.encode()).fetchall()


def lose_state(deployment: Deployment) -> None:
    for command in (("rm", "--force", "--yes", "--preserve-config"), ("init",)):
        deployment.pulumi("stack", *command, deployment.stack).expect()


def operations(outcome: Outcome) -> set[str]:
    return {step["op"] for step in json.loads(outcome.expect().text)["steps"]}


def test_tables_that_setup_made_are_taken_over_with_their_rows(
    dev: Deployment, deploy: Callable[..., Deployment]
) -> None:
    role = sql.Identifier("setup-made")
    with connect(dev, "postgres") as admin:
        statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
        admin.execute(statement.format(role, sql.Literal(PASSWORD)))
        recreate(admin, "setup-made")
        admin.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(role, role))
    login = {"user": "setup-made", "password": PASSWORD}
    with connect(dev, "setup-made", login, row_factory=dict_row) as connection:
        PostgresSaver(connection).setup()
        connection.execute(ROW)
    shared = ("vaultAuthMount", "vaultKvMount", "namespace")
    adopted = deploy(
        "setup-made",
        **{key: dev.settings[key] for key in shared},
        name="setup-made",
        serviceAccount="setup-made",
        vaultSecretPath="setup-made",
        backoffLimit=0,
    )
    address = {"host": dev.environ["PGHOST"], "port": dev.environ["PGPORT"]}
    secret = address | {"database": "setup-made", "username": "setup-made", "password": PASSWORD}
    pairs = [f"{key}={value}" for key, value in secret.items()]
    dev.run(
        "bao", "kv", "put", f"-mount={dev.settings['vaultKvMount']}", "setup-made", *pairs
    ).expect()
    before = rows(adopted, "setup-made")

    follow(adopted, DOCUMENT, "tables").expect()

    assert adopted.outputs()["verification"]["ok"] is True
    assert rows(adopted, "setup-made") == before


@pytest.fixture(scope="module")
def database(dev: Deployment) -> str:
    with connect(dev, dev.settings["databaseName"]) as connection:
        connection.execute(ROW)
    return dev.settings["databaseName"]


def test_a_state_of_yesterday_converges(dev: Deployment, database: str) -> None:
    before = rows(dev, database)
    (dev.folder / "yesterday.json").write_text(dev.state())
    dev.configure(timeoutSeconds=599, vaultPolicy="adoption-today")
    dev.up().expect()

    follow(dev, DOCUMENT, "yesterday").expect()

    assert rows(dev, database) == before
    assert "adoption-today" in dev.run("bao", "policy", "list").expect().text


def test_a_state_of_another_stack_is_refused(
    dev: Deployment, deploy: Callable[..., Deployment]
) -> None:
    other = deploy("another-state")
    (other.folder / "yesterday.json").write_text(dev.state())

    outcome = follow(other, DOCUMENT, "yesterday")

    assert outcome.status != 0
    assert "is from a different stack (adoption != another-state)" in outcome.text


def test_up_with_a_lost_state_takes_nothing_over(dev: Deployment, database: str) -> None:
    before = rows(dev, database)
    lose_state(dev)

    outcome = dev.up()

    assert outcome.status != 0
    namespace = dev.settings["namespace"]
    assert f"expected Namespace '{namespace}' not to exist yet" in outcome.text
    assert rows(dev, database) == before


def test_a_lost_state_is_imported_to_an_up_without_replacements(
    dev: Deployment, database: str
) -> None:
    credential = as_parameters(application_credential_of(dev))
    before = rows(dev, database)
    lose_state(dev)

    follow(dev, DOCUMENT, "owner").expect()
    follow(dev, DOCUMENT, "jobs").expect()
    follow(dev, DOCUMENT, "import file").expect()
    follow(dev, DOCUMENT, "import").expect()
    planned = operations(dev.preview("--json"))
    follow(dev, DOCUMENT, "up").expect()

    assert planned == {"same", "create", "update"}
    assert rows(dev, database) == before
    assert as_parameters(application_credential(dev)) == credential
    with connect(dev, database, credential) as connection:
        assert connection.execute("SELECT count(*) FROM checkpoints").fetchone() == (1,)
    assert credential["password"] not in dev.state()
    dev.up("--refresh", "--expect-no-changes").expect()


def application_credential_of(dev: Deployment) -> dict[str, str]:
    """Return the application's credential where no stack output names it any more."""
    mount, path = dev.settings["vaultKvMount"], "bizmatters/agent-executor/postgres-app"
    secret = dev.run("bao", "kv", "get", "-format=json", f"-mount={mount}", path).expect()
    return json.loads(secret.text)["data"]["data"]


@pytest.fixture(scope="module")
def somebodys(dev: Deployment, deploy: Callable[..., Deployment]) -> Deployment:
    """Return an environment whose ServiceAccount and Vault policy others have made."""
    shared = ("vaultAuthMount", "vaultKvMount", "namespace")
    made = deploy(
        "somebodys",
        **{key: dev.settings[key] for key in shared},
        name="somebodys",
        serviceAccount="somebodys",
        vaultSecretPath="setup-made",
        backoffLimit=0,
    )
    made.run("kubectl", "-n", made.settings["namespace"], "create", "sa", "somebodys").expect()
    policy = 'policy=path "theirs" { capabilities = ["read"] }'
    made.run("bao", "write", "sys/policies/acl/somebodys", policy).expect()
    return made


def theirs(somebodys: Deployment) -> bool:
    return '"theirs"' in somebodys.run("bao", "policy", "read", "somebodys").expect().text


def test_what_others_made_is_refused_by_name_and_left(somebodys: Deployment) -> None:
    outcome = somebodys.up()

    assert outcome.status != 0
    assert outcome.text.rpartition("Diagnostics:")[2].count(
        "nothing was overwritten: expected ServiceAccount 'somebodys' not to exist yet, "
        "found somebody else's; choose another name, or adopt it as docs/adopt.md says"
    ) == 1  # fmt: skip
    compare_line("somebody else's", outcome.text, "nothing was overwritten: ")
    assert "Traceback" not in outcome.text
    assert theirs(somebodys)
    somebodys.run(
        *("kubectl", "-n", somebodys.settings["namespace"], "annotate", "sa", "somebodys"),
        "langgraph-checkpoint/owner=nobodys",
    ).expect()
    somebodys.configure(takeOver="nobodys")
    assert "expected Vault policy 'somebodys' not to exist yet" in somebodys.up().text
    assert theirs(somebodys)


def test_what_others_made_is_imported_and_then_changed_in_place(somebodys: Deployment) -> None:
    jobs = ("kubectl", "-n", somebodys.settings["namespace"], "get", "jobs", "-o", "name")
    neighbours = set(somebodys.run(*jobs).expect().text.split())
    follow(somebodys, DOCUMENT, "jobs").expect()
    follow(somebodys, DOCUMENT, "import file", "checkpoints-access-policy").expect()
    assert neighbours
    assert neighbours == set(somebodys.run(*jobs).expect().text.split())
    follow(somebodys, DOCUMENT, "import").expect()
    planned = operations(somebodys.preview("--json"))
    follow(somebodys, DOCUMENT, "up").expect()

    assert planned == {"same", "create", "update"}
    assert somebodys.outputs()["verification"]["ok"] is True
    assert not theirs(somebodys)
