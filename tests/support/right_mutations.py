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
        yield _rights("column right", single, table, f"on a column, found REFERENCES ({column})")
    for table in INDEXED:
        for right in NEEDED:
            left = ", ".join(name for name in NEEDED if name != right)
            revoke = f"REVOKE {right} ON {table} FROM {APP}"
            yield _rights("right is missing", revoke, table, f"of role {APP}, found {left}")
            option = f"GRANT {right} ON {table} TO {APP} WITH GRANT OPTION"
            yield _rights("grant option", option, table, f"{right} with grant option")
        for right in FORBIDDEN:
            yield _rights("further right", f"GRANT {right} ON {table} TO {APP}", table, right)
        revoke = f"REVOKE ALL ON {table} FROM {APP}"
        yield _rights("no right", revoke, table, f"of role {APP}, found none")
        inherited = f"GRANT TRUNCATE ON {table} TO {STRANGER}"
        yield Mutation("inherited right", inherited, "rights", table, "DELETE, TRUNCATE", HEIR)
    versions = TABLES[0]
    for right in (*NEEDED, *FORBIDDEN):
        grant = f"GRANT {right} ON {versions} TO {APP}"
        yield _rights("right on the versions", grant, versions, f"expected no right of role {APP}")
    schema = "schema {schema}"
    for change, words in {
        f"REVOKE USAGE ON SCHEMA {{schema}} FROM {APP}": "found none",
        f"GRANT CREATE ON SCHEMA {{schema}} TO {APP}": "found USAGE, CREATE",
        "GRANT CREATE ON SCHEMA {schema} TO PUBLIC": "found USAGE, CREATE",
        f"GRANT USAGE ON SCHEMA {{schema}} TO {APP} WITH GRANT OPTION": "USAGE with grant option",
    }.items():
        yield _rights("right on the schema", change, schema, words)
    for role, words in {
        "postgres": "found a superuser",
        OWNER: "found it or a member of it",
        MEMBER: "found it or a member of it",
        "absent": "found no such role",
    }.items():
        yield Mutation("application role", "", "rights", role, words, role)
    yield Mutation("reader of all", "", "rights", versions, "found SELECT", READER)


def _rights(kind: str, statements: str, subject: str, words: str) -> Mutation:
    return Mutation(kind, statements, "rights", subject, words)
