"""Verifies many copies of LangGraph's schema, each in a schema of one database."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain, count, zip_longest
from queue import SimpleQueue
from subprocess import CompletedProcess
from typing import Any, TypeVar

import psycopg
from langgraph.checkpoint.postgres import PostgresSaver

from tests.support.mutations import Mutation
from tests.support.postgres import Database, Server
from tests.support.right_mutations import APP, MEMBER, OWNER, ROLES
from tests.support.table_mutations import SERVER

T = TypeVar("T")
Psql = Callable[..., CompletedProcess[str]]
# psql waits for the server half of the time.
AT_ONCE = 3
VERSION_9 = [
    *(text.replace(" CONCURRENTLY", "").rstrip("; \n") for text in PostgresSaver.MIGRATIONS),
    "INSERT INTO checkpoint_migrations SELECT generate_series(0, 9)",
    "GRANT SELECT, INSERT, UPDATE, DELETE"
    f" ON checkpoints, checkpoint_blobs, checkpoint_writes TO {APP}",
]


FINGERPRINT = """
    WITH relation AS (SELECT oid, xmin FROM pg_class WHERE relnamespace = '{schema}'::regnamespace)
    SELECT md5(string_agg(part, ',' ORDER BY part)) FROM (
        SELECT concat('relation', oid, xmin) FROM relation
        UNION ALL SELECT concat('column', attrelid, attnum, a.xmin)
        FROM pg_attribute AS a JOIN relation AS r ON r.oid = attrelid
        UNION ALL SELECT concat('index', indexrelid, i.xmin)
        FROM pg_index AS i JOIN relation AS r ON r.oid = indexrelid
        UNION ALL SELECT concat('constraint', c.oid, c.xmin)
        FROM pg_constraint AS c JOIN relation AS r ON r.oid = conrelid
        UNION ALL SELECT concat('schema', oid, xmin)
        FROM pg_namespace WHERE nspname = '{schema}'
    ) AS parts (part)
"""


class Workshop:
    """One database with the roles of a deployment, and connections to work in it."""

    def __init__(self, database: Database, run: Psql) -> None:
        self.database, self.run = database, run
        self._numbers = count()
        self._connections: SimpleQueue[psycopg.Connection] = SimpleQueue()
        self.connections = [database.connect() for _ in range(AT_ONCE)]
        for connection in self.connections:
            self._connections.put(connection)

    def copy(self, statements: str) -> str:
        """Return the name of a new schema: version 9, then the statements."""
        schema = f"copy_{next(self._numbers)}"
        build = [
            f"CREATE SCHEMA {schema} AUTHORIZATION {OWNER}",
            f"GRANT USAGE ON SCHEMA {schema} TO {APP}",
            f"SET search_path = {schema}",
            f"SET ROLE {OWNER}",
            *VERSION_9,
            "RESET ROLE",
            statements.replace("{schema}", schema),
        ]
        connection = self._connections.get()
        try:
            connection.execute("; ".join(build).encode())
        finally:
            self._connections.put(connection)
        return schema

    def verify(
        self, schema: str, app_role: str = APP, owner: str = OWNER, *, owned: bool = False
    ) -> dict[str, Any]:
        """Return the report of the verify file, for a database of the program's own or not."""
        result = self.run(
            *(self.database, "verify"),
            **{"schema": schema, "owner": owner, "app_role": app_role, "format": "json"},
            **({"owns_database": "true"} if owned else {}),
        )
        assert result.stdout, result.stderr
        report = json.loads(result.stdout)
        assert result.returncode == (0 if report["ok"] else 3)
        return report

    def complaints(self, mutations: Sequence[Mutation]) -> list[str]:
        """Return what is wrong with the verifier's answer to mutations of one copy."""
        schema = self.copy("; ".join(each.statements for each in mutations))
        app_role = mutations[0].app_role
        report = self.verify(schema, app_role)
        problems: list[str] = report["problems"]
        found = [
            f"{each}: found {problems}, {report['warnings']}"
            for each in mutations
            if not (is_warned_of if each.excess else is_named)(each, schema, report)
        ]
        if any(each.excess for each in mutations):
            report = self.verify(schema, app_role, owned=True)
            problems = list({*problems, *report["problems"]})
            found += [
                f"{each} passed in a database of one's own: found {problems}"
                for each in mutations
                if not is_named(each, schema, report)
            ]
        concerned = tuple(each.concerns.replace("{schema}", schema) for each in mutations)
        found += [
            f"{mutations}: found {line}"
            for line in problems
            if not line.startswith(("round_trip: ", "version: checkpoint_migrations: ", "… and "))
            # What another application has its rights from are strangers of their own.
            and (app_role == APP or "expected no right on the tables" not in line)
            and not line.split(": ")[1].startswith(concerned)
        ]
        return found

    def fingerprint(self, schema: str) -> str:
        """Return what changes with every write to the catalog's rows about a schema."""
        return self.database.value(FINGERPRINT.format(schema=schema))


def is_named(mutation: Mutation, schema: str, report: dict[str, Any]) -> bool:
    """Return whether the right check failed and says what it should of the right object."""
    return not report["checks"][mutation.check] and _stands(mutation, schema, report["problems"])


def is_warned_of(mutation: Mutation, schema: str, report: dict[str, Any]) -> bool:
    """Return whether the check passed and a warning says what it should of the right object."""
    return report["checks"][mutation.check] and _stands(mutation, schema, report["warnings"])


def _stands(mutation: Mutation, schema: str, lines: Iterable[str]) -> bool:
    subject, words = (x.replace("{schema}", schema) for x in (mutation.subject, mutation.words))
    start = f"{mutation.check}: {subject}: expected "
    return any(words in line for line in lines if line.startswith(start))


def at_once(complaints: Callable[[T], list[str]], subjects: Iterable[T]) -> list[str]:
    """Return all complaints about subjects that are looked at several at a time."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [*chain.from_iterable(pool.map(complaints, subjects))]


def batched_by_table(mutations: Iterable[Mutation]) -> list[list[Mutation]]:
    """Return mutations of different tables together, since a copy each would take minutes."""
    alike = defaultdict[str, defaultdict[str, list[Mutation]]](lambda: defaultdict(list))
    for each in mutations:
        alike[each.app_role][each.concerns].append(each)
    return [
        [each for each in batch if each]
        for by_table in alike.values()
        for batch in zip_longest(*by_table.values())
    ]


@contextmanager
def open_workshop(server: Server, run: Psql) -> Iterator[Workshop]:
    """Make the database and the roles, and remove them in the end."""
    database = server.create_database()
    server.execute(*ROLES)
    database.execute(
        # Closed as a database of the program's own is.
        f"REVOKE ALL ON DATABASE {database.name} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {database.name} TO {APP}, {OWNER}, {MEMBER}",
        "CREATE FOREIGN DATA WRAPPER nothing",
        f"CREATE SERVER {SERVER} FOREIGN DATA WRAPPER nothing",
    )
    workshop = Workshop(database, run)
    yield workshop
    for connection in workshop.connections:
        connection.close()
    database.drop()
    server.execute(f"DROP ROLE {', '.join(role.split()[2] for role in ROLES)}")
