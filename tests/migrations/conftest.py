"""Runs the SQL files as psql runs them and knows what LangGraph itself would have made."""

from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE, CompletedProcess, Popen

import pytest

from tests.conftest import run_setup as run_setup
from tests.migrations.majors import locales as locales
from tests.migrations.majors import majors as majors
from tests.support.migration_files import part
from tests.support.postgres import SUPERUSER, Database, Server

MIGRATIONS = Path(__file__).parents[2] / "migrations"
Psql = Callable[..., CompletedProcess[str]]


def psql_command(kind: str, variables: dict[str, str]) -> list[str]:
    settings = [f"--set={name}={value}" for name, value in variables.items()]
    return ["psql", "-X", *settings, "-f", str(MIGRATIONS / part(kind))]


def run_file(
    database: Database, kind: str, *, user: str = SUPERUSER, **variables: str
) -> CompletedProcess[str]:
    return database.run(*psql_command(kind, variables), user=user)


def start_file(database: Database, kind: str, **variables: str) -> Popen[str]:
    return Popen(
        psql_command(kind, variables),
        env=database.server.env(database.name),
        stdout=PIPE,
        stderr=PIPE,
        text=True,
    )


def recorded(database: Database, schema: str = "public") -> list[int]:
    return database.value(f'SELECT array_agg(v ORDER BY v) FROM "{schema}".checkpoint_migrations')


@pytest.fixture
def up(database: Database) -> Psql:
    return lambda **arguments: run_file(database, "up", **arguments)


@pytest.fixture
def down(database: Database) -> Psql:
    return lambda **arguments: run_file(database, "down", **arguments)


@pytest.fixture
def langgraph_database(server: Server, langgraph_template: Database) -> Iterator[Database]:
    copy = server.create_database(template=langgraph_template.name)
    yield copy
    copy.drop()
