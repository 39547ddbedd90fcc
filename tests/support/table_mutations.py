"""Generates what can stand in a table's place, and what can be hung on a table."""

from collections.abc import Iterator

from tests.support.mutations import Mutation
from tests.support.version_9 import COLUMNS, KEYS, TABLES

SERVER = "nowhere"
OTHER_RELATIONS = {
    "a view": "CREATE VIEW {table} AS SELECT 1 AS v",
    "a materialized view": "CREATE MATERIALIZED VIEW {table} AS SELECT 1 AS v",
    "a partitioned table": "CREATE TABLE {table} ({columns}) PARTITION BY HASH ({column})",
    "a foreign table": f"CREATE FOREIGN TABLE {{table}} ({{columns}}) SERVER {SERVER}",
    "an unlogged table": "CREATE UNLOGGED TABLE {table} ({columns}, PRIMARY KEY ({key}))",
    "a relation of kind S": "CREATE SEQUENCE {table}",
    "a type of this name": "CREATE DOMAIN {table} AS integer",
    "none": "CREATE TEMPORARY TABLE {table} ({columns}, PRIMARY KEY ({key})) ON COMMIT DROP",
}
CONSTRAINTS = {
    "CHECK": "ADD CHECK ({column} IS NOT NULL)",
    "NOT VALID": "ADD CHECK ({column} IS NOT NULL) NOT VALID",
    "UNIQUE": "ADD UNIQUE ({column})",
    "EXCLUDE": "ADD EXCLUDE USING btree ({column} WITH =)",
    "FOREIGN KEY": "ADD FOREIGN KEY ({column}) REFERENCES {table}_elsewhere NOT VALID",
}
TRIGGERS = {
    "BEFORE INSERT": "FOR EACH ROW",
    "AFTER UPDATE": "FOR EACH STATEMENT",
    "BEFORE TRUNCATE": "FOR EACH STATEMENT",
}


def of_tables() -> Iterator[Mutation]:
    """Put something else in a table's place, or make the table another kind of table."""
    for table in TABLES:
        columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS[table].items())
        types = ", ".join(f"{name} {kind.split()[0]}" for name, kind in COLUMNS[table].items())
        names = {"table": table, "columns": columns, "column": KEYS[table][0]}
        changes = {
            "drop table": (f"DROP TABLE {table}", "found none"),
            "rename table": (f"ALTER TABLE {table} RENAME TO {table}_other", "found none"),
            "unlogged": (f"ALTER TABLE {table} SET UNLOGGED", "an unlogged table"),
            "child": (f"CREATE TABLE {table}_child () INHERITS ({table})", "that inherits or"),
            "parent": (
                f"CREATE TABLE {table}_up (); ALTER TABLE {table} INHERIT {table}_up",
                "that inherits or",
            ),
            "typed": (
                f"CREATE TYPE {table}_t AS ({types}); ALTER TABLE {table} OF {table}_t",
                "a composite type",
            ),
        }
        move = (
            f"CREATE SCHEMA {{schema}}_{table}; ALTER TABLE {table} SET SCHEMA {{schema}}_{table}"
        )
        changes["other schema"] = (move, "found none")
        for found, create in OTHER_RELATIONS.items():
            statement = create.format(**names, key=", ".join(KEYS[table]))
            changes[f"{found} in its place"] = (f"DROP TABLE {table}; {statement}", found)
        for kind, (statements, words) in changes.items():
            yield Mutation(kind, statements, "tables", table, words)


def of_constraints() -> Iterator[Mutation]:
    """Add a constraint of each kind to each table."""
    for table, columns in KEYS.items():
        kind = COLUMNS[table][columns[0]].split()[0]
        elsewhere = f"CREATE TABLE {table}_elsewhere (id {kind} PRIMARY KEY);"
        for words, change in CONSTRAINTS.items():
            add = f"{elsewhere} ALTER TABLE {table} {change.format(table=table, column=columns[0])}"
            yield Mutation("constraint", add, "nullability", table, words)


def of_behaviour() -> Iterator[Mutation]:
    """Add triggers, rules and row security, which change what a statement does."""
    for table in TABLES:
        call = f"EXECUTE FUNCTION {table}_f()"
        function = (
            f"CREATE FUNCTION {table}_f() RETURNS trigger LANGUAGE plpgsql"
            " AS 'BEGIN RETURN NEW; END'; "
        )
        changes = {
            f"trigger {event}": (
                f"{function}CREATE TRIGGER own {event} ON {table} {scope} {call}",
                "found own",
            )
            for event, scope in TRIGGERS.items()
        }
        disabled = f"{changes['trigger BEFORE INSERT'][0]}; ALTER TABLE {table} DISABLE TRIGGER own"
        constraint = (
            f"{function}CREATE CONSTRAINT TRIGGER own AFTER INSERT ON {table}"
            f" DEFERRABLE FOR EACH ROW {call}"
        )
        changes["trigger disabled"] = (disabled, "expected no trigger, found own")
        changes["trigger as constraint"] = (constraint, "expected no trigger, found own")
        for event, deed in {"INSERT": "ALSO", "DELETE": "INSTEAD"}.items():
            rule = f"CREATE RULE own AS ON {event} TO {table} DO {deed} NOTHING"
            changes[f"rule {event}"] = (rule, "expected no rule, found own")
        security = f"ALTER TABLE {table} {{}} ROW LEVEL SECURITY"
        changes["row security enabled"] = (security.format("ENABLE"), "found it enabled")
        changes["row security forced"] = (security.format("FORCE"), "found it forced")
        policy = f"CREATE POLICY own ON {table} USING (true)"
        changes["policy"] = (policy, "expected no policy, found own")
        for kind, (statements, words) in changes.items():
            yield Mutation(kind, statements, "tables", table, words)


def of_versions() -> Iterator[Mutation]:
    """Take away and add rows of checkpoint_migrations."""
    table = "checkpoint_migrations"
    for version in range(10):
        delete = f"DELETE FROM {table} WHERE v = {version}"
        yield Mutation("version is missing", delete, "version", table, "found ")
    yield Mutation("no versions", f"TRUNCATE {table}", "version", table, "found none")
    for version in (-1, 10, 42):
        insert = f"INSERT INTO {table} VALUES ({version})"
        yield Mutation("unknown version", insert, "version", table, str(version))
