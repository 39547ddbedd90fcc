"""Looks at a deployed database from outside, with psycopg and pg_dump."""

import json
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import RowFactory, tuple_row

from tests.support.deployment import Deployment

TABLES = ("checkpoint_migrations", "checkpoints", "checkpoint_blobs", "checkpoint_writes")


def connect(
    deployment: Deployment | Mapping[str, str],
    database: str,
    credential: Mapping[str, str] | None = None,
    *,
    row_factory: RowFactory[Any] = tuple_row,
) -> psycopg.Connection[Any]:
    """Connect with the stack's superuser or another credential; TLS is verified."""
    environ = deployment.environ if isinstance(deployment, Deployment) else deployment
    parameters = {
        "host": environ["PGHOST"],
        "port": environ["PGPORT"],
        "user": environ["PGUSER"],
        "password": environ["PGPASSWORD"],
        "sslmode": "verify-full",
        "sslrootcert": environ["PGSSLROOTCERT"],
        "dbname": database,
    }
    conninfo = make_conninfo(**(parameters | dict(credential or {})))
    return psycopg.connect(conninfo, autocommit=True, row_factory=row_factory)


def dump(deployment: Deployment, database: str) -> str:
    """Return `pg_dump -s` without owners and grants, which setup() cannot make.

    Newer pg_dump puts a random token into two lines, which are left out.
    """
    text = deployment.run("pg_dump", "-s", "-O", "-x", "-d", database).expect().text
    return "\n".join(line for line in text.splitlines() if "restrict" not in line)


def application_credential(deployment: Deployment) -> dict[str, str]:
    """Return the application's credential, read as the application would read it."""
    login = deployment.outputs()["application"]
    namespace, mount = deployment.settings["namespace"], deployment.settings["vaultAuthMount"]
    run = deployment.run
    jwt = run(
        *("kubectl", "create", "token", login["serviceAccount"], "-n", namespace),
        "--audience=vault",
    ).expect()
    token = run(
        *("bao", "write", "-field=token", f"auth/{mount}/login"),
        *(f"role={login['vaultRole']}", f"jwt={jwt.text.strip()}"),
    ).expect()
    mount, path = login["secretPath"].split("/", 1)
    secret = run(
        "bao", "read", "-format=json", f"{mount}/data/{path}", VAULT_TOKEN=token.text.strip()
    ).expect()
    return json.loads(secret.text)["data"]["data"]


def as_parameters(credential: dict[str, str]) -> dict[str, str]:
    """Return libpq's names for a credential's fields."""
    names = {"database": "dbname", "username": "user"}
    return {names.get(key, key): value for key, value in credential.items()}


def tables(connection: psycopg.Connection[Any]) -> set[str]:
    """Return the names of LangGraph's tables that exist."""
    found = connection.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname = ANY (%s)", [list(TABLES)]
    )
    return {row[0] for row in found}


def recreate(connection: psycopg.Connection[Any], database: str) -> None:
    """Make an empty database, in place of one of that name."""
    name = sql.Identifier(database)
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(name))
    connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(name))
