"""Generates ways in which a schema can differ from LangGraph's version 9."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.support.version_9 import COLUMNS, EVERY_COLUMN, INDEXED, KEYS, TABLES

OTHER_TYPES = {
    "text": ["character varying", "character(8)"],
    "jsonb": ["json", "text"],
    "integer": ["bigint", "smallint"],
    "bytea": ["text USING NULL", "bytea[] USING NULL"],
}
OTHER_INDEXES = {
    "of another column": "{table} (checkpoint_ns)",
    "of two columns": "{table} (thread_id, checkpoint_ns)",
    "of an expression": "{table} (lower(thread_id))",
    "that is descending": "{table} (thread_id DESC)",
    "that has nulls first": "{table} (thread_id NULLS FIRST)",
    "of another operator class": "{table} (thread_id text_pattern_ops)",
    "of another collation": '{table} (thread_id COLLATE "C")',
    "that is partial": "{table} (thread_id) WHERE checkpoint_ns = ''",
    "that is a hash": "{table} USING hash (thread_id)",
    "that includes a column": "{table} (thread_id) INCLUDE (checkpoint_ns)",
    "of another table": "{table}_elsewhere (thread_id)",
}


@dataclass(frozen=True)
class Mutation:
    """One change of a correct schema and what the verifier must say about it.

    "{schema}" stands for the name of the schema, the first of the search path.
    """

    kind: str
    statements: str
    check: str
    subject: str
    words: str = ""
    app_role: str = "checkpoint_app"
    # More than is needed: it fails the check in a database of the program's own, and is a warning
    # in somebody else's.
    excess: bool = False

    @property
    def concerns(self) -> str:
        """The table that all problems may be about, else the subject itself."""
        tables = sorted(TABLES, key=len, reverse=True)
        return next((table for table in tables if self.subject.startswith(table)), self.subject)


def of_columns() -> Iterator[Mutation]:
    """Change each column in each of its properties."""
    for table, column, definition in EVERY_COLUMN:
        subject, kind = f"{table}.{column}", definition.split()[0]
        alter = f"ALTER TABLE {table} ALTER {column}"
        missing, found = "found no such column", "found " + kind

        def mutation(name: str, statements: str, words: str, subject: str = subject) -> Mutation:
            return Mutation(name, statements, "columns", subject, words)

        drop = f"ALTER TABLE {table} DROP COLUMN {column} CASCADE"
        yield mutation("drop column", drop, missing)
        yield mutation("rename column", f"ALTER TABLE {table} RENAME {column} TO other", missing)
        for other in OTHER_TYPES[kind]:
            change = f"{alter} DROP DEFAULT, ALTER {column} TYPE {other}"
            yield mutation("column type", change, f"found {other.split(' USING')[0]}")
        yield mutation(
            "column domain",
            f"CREATE DOMAIN {table}_own AS {kind}; {alter} DROP DEFAULT,"
            f" ALTER {column} TYPE {table}_own",
            f"found {{schema}}.{table}_own",
        )
        value = {"jsonb": '{"a": 1}', "bytea": "\\x00"}.get(kind, "1")
        yield mutation("another default", f"{alter} SET DEFAULT '{value}'", " default ")
        if "DEFAULT" in definition:
            yield mutation("no default", f"{alter} DROP DEFAULT", found)
        if kind == "text":
            yield mutation("collation", f'{alter} TYPE text COLLATE "C"', "text collate C")
        if kind == "integer":
            yield mutation("identity", f"{alter} ADD GENERATED ALWAYS AS IDENTITY", "identity")
    for table in TABLES:
        for kind in OTHER_TYPES:
            extra = f"ALTER TABLE {table} ADD extra {kind}"
            words = f"expected no such column, found {kind}"
            yield Mutation("extra column", extra, "columns", f"{table}.extra", words)


def of_columns_outside_keys() -> Iterator[Mutation]:
    """Change what the columns of a key cannot lose: nullability, order and being ordinary."""
    for table, column, definition in EVERY_COLUMN:
        if column in KEYS[table]:
            continue
        subject, kind = f"{table}.{column}", definition.split()[0]
        required = "NOT NULL" in definition
        change = f"ALTER TABLE {table} ALTER {column} {'DROP' if required else 'SET'} NOT NULL"
        words = "expected not null" if required else "expected to accept null"
        yield Mutation("nullability", change, "nullability", subject, words)
        again = f"ALTER TABLE {table} DROP {column}, ADD {column} {kind}"
        generated = f"{again} GENERATED ALWAYS AS (NULL) STORED"
        yield Mutation("generated column", generated, "columns", subject, "generated")
        if column != [*COLUMNS[table]][-1]:
            moved = f"ALTER TABLE {table} DROP {column}, ADD {column} {definition}"
            yield Mutation("column order", moved, "columns", subject, "expected at position")


def of_not_null_constraints() -> Iterator[Mutation]:
    """Weaken NOT NULL as only PostgreSQL 18 can."""
    for table, column, definition in EVERY_COLUMN:
        if column in KEYS[table] or "NOT NULL" not in definition:
            continue
        drop = f"ALTER TABLE {table} ALTER {column} DROP NOT NULL"
        for weakness in ("NO INHERIT", "NOT VALID"):
            change = f"{drop}, ADD CONSTRAINT own NOT NULL {column} {weakness}"
            words = f"found own NOT NULL {column} {weakness}"
            yield Mutation("NOT NULL constraint", change, "nullability", table, words)


def of_keys() -> Iterator[Mutation]:
    """Change each primary key in its columns, properties, name and validity."""
    for table, columns in KEYS.items():
        name, key = f"{table}_pkey", ", ".join(columns)
        drop = f"ALTER TABLE {table} DROP CONSTRAINT {name}"
        changes = {
            "none": drop,
            "INCLUDE": f"{drop}, ADD PRIMARY KEY ({key}) INCLUDE ({columns[0]})",
            "DEFERRABLE": f"{drop}, ADD PRIMARY KEY ({key}) DEFERRABLE",
            "INITIALLY DEFERRED": f"{drop}, ADD PRIMARY KEY ({key}) INITIALLY DEFERRED",
            "the name": f"ALTER TABLE {table} RENAME CONSTRAINT {name} TO {table}_other",
            "found none": f"{drop}, ADD CONSTRAINT {name} UNIQUE ({key})",
            "expected PRIMARY KEY": f"{drop}; CREATE UNIQUE INDEX {name} ON {table} ({key})",
            "to be free": f"DROP TABLE {table}; CREATE TABLE {name} ()",
        }
        if len(columns) > 1:
            reverse = ", ".join(reversed(columns))
            changes[f"found PRIMARY KEY ({reverse})"] = f"{drop}, ADD PRIMARY KEY ({reverse})"
            for left_out in columns:
                rest = ", ".join(column for column in columns if column != left_out)
                changes[f"found PRIMARY KEY ({rest})"] = f"{drop}, ADD PRIMARY KEY ({rest})"
        for words, statements in changes.items():
            kind = words if words in {"the name", "to be free"} else "columns and properties"
            yield Mutation(f"key: {kind}", statements, "primary_keys", table, words)
        for flag in ("indisvalid", "indisready", "indislive"):
            broken = _index_flag(name, flag)
            yield Mutation("key: validity", broken, "primary_keys", table, "an invalid one")


def of_indexes() -> Iterator[Mutation]:
    """Change each index that LangGraph makes, and add such as refuse rows."""
    for table in INDEXED:
        name = f"{table}_thread_id_idx"
        drop = f"CREATE TABLE {table}_elsewhere (thread_id text); DROP INDEX {name}; "
        changes = {"drop": drop, "rename": f"ALTER INDEX {name} RENAME TO {table}_other"}
        for kind, statements in changes.items():
            yield Mutation(f"index: {kind}", statements, "indexes", name, "found none")
        for kind, definition in OTHER_INDEXES.items():
            index = definition.format(table=table)
            create = f"{drop}CREATE INDEX {name} ON {index}"
            yield Mutation(f"index: {kind}", create, "indexes", name, "found CREATE INDEX")
        for relation in ("TABLE {} ()", "VIEW {} AS SELECT", "SEQUENCE {}"):
            create = f"{drop}CREATE {relation.format(name)}"
            yield Mutation("index: not one", create, "indexes", name, "another relation")
        for flag in ("indisvalid", "indisready", "indislive"):
            broken = _index_flag(name, flag)
            yield Mutation(f"index: {flag} is off", broken, "indexes", name, "an invalid one")
        for columns in ("(thread_id)", "(checkpoint_ns)", "(lower(thread_id))"):
            unique = f"CREATE UNIQUE INDEX {table}_own ON {table} {columns}"
            yield Mutation("index: unique", unique, "indexes", f"{table}_own", "unique index")


def _index_flag(index: str, flag: str) -> str:
    # What an interrupted CREATE or DROP INDEX CONCURRENTLY leaves behind.
    return f"UPDATE pg_index SET {flag} = false WHERE indexrelid = '{index}'::regclass"
