"""Generates ways in which owner and rights can differ from what the migration gives."""

from collections.abc import Iterator

from tests.support.mutations import Mutation
from tests.support.version_9 import COLUMNS, INDEXED, TABLES

OWNER = "checkpoint_owner"
APP = "checkpoint_app"
STRANGER = "checkpoint_stranger"
MEMBER = "checkpoint_member"
READER = "checkpoint_reader"
HEIR = "checkpoint_heir"
NEEDED = ("SELECT", "INSERT", "UPDATE", "DELETE")
FORBIDDEN = ("TRUNCATE", "REFERENCES", "TRIGGER")
ROLES = [
    f"CREATE ROLE {OWNER} NOLOGIN",
    f"CREATE ROLE {APP} NOLOGIN",
    f"CREATE ROLE {STRANGER} NOLOGIN",
    f"CREATE ROLE {MEMBER} NOLOGIN NOINHERIT IN ROLE {OWNER}",
    f"CREATE ROLE {READER} NOLOGIN IN ROLE pg_read_all_data, {APP}",
    f"CREATE ROLE {HEIR} NOLOGIN IN ROLE {STRANGER}, {APP}",
]


def of_rights() -> Iterator[Mutation]:
    """Change the owner of each table and each right that matters."""
    for table in TABLES:
        yield _rights("owner", f"ALTER TABLE {table} OWNER TO {STRANGER}", table, "expected owner")
        column = next(iter(COLUMNS[table]))
        for right in (*NEEDED, *FORBIDDEN):
            public = f"GRANT {right} ON {table} TO PUBLIC"
            yield _rights("right of PUBLIC", public, table, f"of PUBLIC, found {right}")
        public = f"GRANT UPDATE ({column}) ON {table} TO PUBLIC"
        yield _rights("column right of PUBLIC", public, table, f"found UPDATE ({column})")
        single = f"GRANT REFERENCES ({column}) ON {table} TO {APP}"
        yield _excess("column right", single, table, f"on a column, found REFERENCES ({column})")
        single = f"GRANT UPDATE ({column}) ON {table} TO {STRANGER}"
        words = f"found UPDATE ({column}) on {table}"
        yield _excess("column right of another role", single, STRANGER, words)
    yield from _of_tables_with_rows()
    for table, right in [(t, r) for t in INDEXED for r in NEEDED] + [(TABLES[0], "INSERT")]:
        revoke = f"REVOKE {right} ON {table} FROM {OWNER}"
        yield _rights("right of the owner is missing", revoke, table, f"of role {OWNER}, found ")
    versions = TABLES[0]
    for right in (*NEEDED, *FORBIDDEN):
        grant = f"GRANT {right} ON {versions} TO {APP}"
        yield _excess("right on the versions", grant, versions, f"expected no right of role {APP}")
    yield from _of_the_schema()
    for role, words in {
        "postgres": "found a superuser",
        MEMBER: "found it or a member of it",
        OWNER: "found it or a member of it",
    }.items():
        yield Mutation("too mighty application", "", "rights", role, words, role, excess=True)
    yield Mutation("absent application", "", "rights", "absent", "found no such role", "absent")
    yield Mutation("reader of all", "", "rights", versions, "found SELECT", READER, excess=True)


def _of_tables_with_rows() -> Iterator[Mutation]:
    for table in INDEXED:
        for right in NEEDED:
            left = ", ".join(name for name in NEEDED if name != right)
            revoke = f"REVOKE {right} ON {table} FROM {APP}"
            yield _rights("right is missing", revoke, table, f"of role {APP}, found {left}")
            option = f"GRANT {right} ON {table} TO {APP} WITH GRANT OPTION"
            yield _excess("grant option", option, table, f"{right} with grant option")
        for right in FORBIDDEN:
            yield _excess("further right", f"GRANT {right} ON {table} TO {APP}", table, right)
        for right in (*NEEDED, *FORBIDDEN):
            grant = f"GRANT {right} ON {table} TO {STRANGER}"
            words = f"found {right} on {table}"
            yield _excess("right of another role", grant, STRANGER, words)
        revoke = f"REVOKE ALL ON {table} FROM {APP}"
        yield _rights("no right", revoke, table, f"of role {APP}, found none")
        inherited = f"GRANT TRUNCATE ON {table} TO {STRANGER}"
        words = "DELETE, TRUNCATE"
        yield Mutation("inherited right", inherited, "rights", table, words, HEIR, excess=True)


def _of_the_schema() -> Iterator[Mutation]:
    schema = "schema {schema}"
    revoke = f"REVOKE USAGE ON SCHEMA {{schema}} FROM {APP}"
    yield _rights("no right on the schema", revoke, schema, "found none")
    for change, words in {
        f"GRANT CREATE ON SCHEMA {{schema}} TO {APP}": "found USAGE, CREATE",
        "GRANT CREATE ON SCHEMA {schema} TO PUBLIC": "found USAGE, CREATE",
        f"GRANT USAGE ON SCHEMA {{schema}} TO {APP} WITH GRANT OPTION": "USAGE with grant option",
    }.items():
        yield _excess("right on the schema", change, schema, words)


def _rights(kind: str, statements: str, subject: str, words: str) -> Mutation:
    return Mutation(kind, statements, "rights", subject, words)


def _excess(kind: str, statements: str, subject: str, words: str) -> Mutation:
    return Mutation(kind, statements, "rights", subject, words, excess=True)
