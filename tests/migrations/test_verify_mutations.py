"""The verifier finds every way in which a schema differs, and nothing where it may differ."""

import re
from collections.abc import Iterator
from itertools import chain, groupby

import pytest

from tests.migrations.conftest import run_file
from tests.migrations.test_up import ROWS
from tests.migrations.test_verify import CHECKS
from tests.support import mutations, table_mutations
from tests.support.mutations import Mutation
from tests.support.postgres import Server
from tests.support.right_mutations import APP, HEIR, MEMBER, OWNER, READER, STRANGER, of_rights
from tests.support.workshop import Workshop, at_once, batched_by_table, open_workshop

GENERATORS = [
    mutations.of_columns,
    mutations.of_columns_outside_keys,
    mutations.of_keys,
    mutations.of_indexes,
    table_mutations.of_tables,
    table_mutations.of_constraints,
    table_mutations.of_behaviour,
    table_mutations.of_versions,
    of_rights,
]
MUTATIONS = sorted(
    chain.from_iterable(generate() for generate in GENERATORS),
    key=lambda mutation: (mutation.check, mutation.kind),
)
KINDS = {
    f"{check}: {kind}": [*group]
    for (check, kind), group in groupby(MUTATIONS, lambda each: (each.check, each.kind))
}


# up grants what is missing; to take a right away is for whoever gave it, and verify stays red.
LEFT_TO_THE_GRANTOR = {
    "owner", "column right", "column right of PUBLIC", "column right of another role",
    "further right", "grant option", "inherited right", "reader of all", "right of PUBLIC",
    "right of another role", "right on the schema", "right on the versions",
    "too mighty application",
}  # fmt: skip
LEGAL = {
    "no change": "",
    "extra indexes": "CREATE INDEX ON checkpoints USING gin (metadata);"
    " CREATE INDEX ON checkpoints (checkpoint_ns) WHERE type IS NULL",
    "a second index of the key, as REINDEX CONCURRENTLY makes it": "CREATE UNIQUE INDEX"
    " checkpoints_pkey_ccnew ON checkpoints (thread_id, checkpoint_ns, checkpoint_id);"
    " UPDATE pg_index SET indisvalid = false"
    " WHERE indexrelid = 'checkpoints_pkey_ccnew'::regclass",
    "comments": "COMMENT ON TABLE checkpoints IS 'ours'; COMMENT ON COLUMN checkpoints.type IS 'x';"
    " COMMENT ON INDEX checkpoints_thread_id_idx IS 'ours'",
    "lz4 compression": "ALTER TABLE checkpoints ALTER checkpoint SET COMPRESSION lz4",
    "storage": "ALTER TABLE checkpoint_writes ALTER blob SET STORAGE EXTERNAL",
    "fillfactor": "ALTER TABLE checkpoint_writes SET (fillfactor = 70);"
    " ALTER INDEX checkpoint_writes_pkey SET (fillfactor = 70);"
    " ALTER INDEX checkpoint_writes_thread_id_idx SET (fillfactor = 70, deduplicate_items = off)",
    "autovacuum settings": "ALTER TABLE checkpoint_writes SET (autovacuum_enabled = false,"
    " autovacuum_vacuum_scale_factor = 0.01, toast.autovacuum_enabled = false)",
    "statistics targets": "ALTER TABLE checkpoints ALTER thread_id SET STATISTICS 1000;"
    " ALTER TABLE checkpoints ALTER thread_id SET (n_distinct = -0.1)",
    "extended statistics": "CREATE STATISTICS s ON thread_id, checkpoint_ns FROM checkpoints",
    "full replica identity": "ALTER TABLE checkpoints REPLICA IDENTITY FULL",
    "an index as replica identity": "ALTER TABLE checkpoints"
    " REPLICA IDENTITY USING INDEX checkpoints_pkey",
    "clustered mark": "ALTER TABLE checkpoints CLUSTER ON checkpoints_thread_id_idx",
    "publication": "CREATE PUBLICATION {schema} FOR TABLE checkpoints, checkpoint_migrations",
    "views": "CREATE VIEW v AS SELECT * FROM checkpoints;"
    " CREATE MATERIALIZED VIEW m AS SELECT count(*) FROM checkpoint_blobs",
    "the store's tables": "CREATE TABLE store (prefix text PRIMARY KEY);"
    " CREATE TABLE store_migrations (v integer PRIMARY KEY)",
    "the same tables in another schema": "CREATE SCHEMA {schema}_x;"
    " CREATE TABLE {schema}_x.checkpoints (LIKE checkpoints);"
    " ALTER TABLE {schema}_x.checkpoints ADD extra integer, ENABLE ROW LEVEL SECURITY",
    "a table that refers to a checkpoint": "CREATE TABLE note (t text, n text, c text,"
    " FOREIGN KEY (t, n, c) REFERENCES checkpoints ON DELETE CASCADE)",
    "usage of the schema for everybody": "GRANT USAGE ON SCHEMA {schema} TO PUBLIC",
    "default privileges": f"ALTER DEFAULT PRIVILEGES IN SCHEMA {{schema}} GRANT ALL ON TABLES"
    f" TO {STRANGER}",
    "rows": "; ".join(ROWS),
}


@pytest.fixture(scope="module")
def workshop(server: Server) -> Iterator[Workshop]:
    with open_workshop(server, run_file) as opened:
        yield opened


def test_at_least_300_mutations_of_every_check_are_tried() -> None:
    assert len({(each.statements, each.app_role) for each in MUTATIONS}) >= 300
    # The round trip finds what no look at the catalog can: test_verify.py has its tests.
    assert {each.check for each in MUTATIONS} == {*CHECKS} - {"round_trip"}


@pytest.mark.parametrize("kind", KINDS)
def test_every_mutation_is_found_with_its_check_and_object(workshop: Workshop, kind: str) -> None:
    assert at_once(workshop.complaints, batched_by_table(KINDS[kind])) == []


@pytest.mark.parametrize("kind", LEGAL)
def test_a_legal_state_raises_no_alarm(workshop: Workshop, kind: str) -> None:
    schema = workshop.copy(LEGAL[kind])

    assert workshop.verify(schema)["problems"] == []


def test_all_legal_states_together_raise_no_alarm(workshop: Workshop) -> None:
    schema = workshop.copy("; ".join(LEGAL.values()))

    assert workshop.verify(schema)["problems"] == []


def test_any_owner_and_any_application_are_legal_unless_named(workshop: Workshop) -> None:
    schema = workshop.copy(
        f"ALTER TABLE checkpoints OWNER TO {STRANGER}; GRANT ALL ON checkpoint_blobs TO {APP}"
    )

    assert workshop.verify(schema, app_role="", owner="")["problems"] == []


def test_the_membership_of_others_is_a_warning_that_names_them(workshop: Workshop) -> None:
    schema = workshop.copy("")

    for owned in (False, True):
        report = workshop.verify(schema, owned=owned)
        assert report["problems"] == []
        assert report["warnings"] == [
            f"rights: {role}: expected no other role that may act as it, found {members}"
            for role, members in {
                APP: f"{HEIR}, {READER}", OWNER: MEMBER, "pg_read_all_data": READER,
            }.items()
        ]  # fmt: skip


@pytest.mark.parametrize("check", [check for check in CHECKS if check != "round_trip"])
def test_up_refuses_or_repairs_one_mutation_of_each_kind(workshop: Workshop, check: str) -> None:
    def complaints(mutation: Mutation) -> list[str]:
        schema = workshop.copy(mutation.statements)
        before = workshop.fingerprint(schema)

        up = run_file(
            workshop.database, "up", schema=schema, owner=OWNER, app_role=mutation.app_role
        )

        unchanged = workshop.fingerprint(schema) == before
        right = workshop.verify(schema, mutation.app_role, owned=True)["ok"]
        if up.returncode != 0:
            good = unchanged and re.search("ERROR:  MG0(04|10|11): expected ", up.stderr)
        elif mutation.kind in LEFT_TO_THE_GRANTOR:
            good = unchanged and not right
        else:
            good = right
        return [] if good else [f"{mutation}: {unchanged=} {right=} {up.stderr}"]

    samples = [group[-1] for group in KINDS.values() if group[-1].check == check]
    assert at_once(complaints, samples) == []
