"""The down file removes what the up file made, and never somebody's data by accident."""

import pytest

from tests.migrations.conftest import Psql, run_file
from tests.migrations.test_up import HISTORY, ROWS, held_lock, make_history, make_invalid_index
from tests.migrations.test_up_refusals import FOREIGN
from tests.migrations.test_up_roles import Roles
from tests.support.postgres import Database, Server

REFUSAL = (
    "refusing to drop tables that hold data (rows: checkpoints {}, checkpoint_blobs {},"
    " checkpoint_writes {}); set allowDataLoss to true, run pulumi up, then pulumi destroy"
)


def test_down_after_up_is_identity(database: Database, up: Psql, down: Psql) -> None:
    before = database.schema_dump()
    up()

    result = down()

    assert result.returncode == 0, result.stderr
    assert database.schema_dump() == before


def test_nothing_there_is_a_success(database: Database, down: Psql) -> None:
    result = down()

    assert result.returncode == 0, result.stderr
    assert "nothing to do" in result.stdout


def test_a_missing_schema_holds_nothing(down: Psql) -> None:
    assert down(schema="no such").returncode == 0


@pytest.mark.parametrize("row", range(3))
def test_one_row_in_any_table_is_enough_to_refuse(
    database: Database, up: Psql, down: Psql, row: int
) -> None:
    up()
    database.execute(ROWS[row])
    before = database.schema_dump()

    result = down()

    assert result.returncode == 3
    assert f"MG020: {REFUSAL.format(*(int(n == row) for n in range(3)))}" in result.stderr
    assert database.schema_dump() == before


@pytest.mark.parametrize("value", ["false", "", "TRUE", "1", "yes"])
def test_only_the_word_true_allows_data_loss(
    database: Database, up: Psql, down: Psql, value: str
) -> None:
    up()
    database.execute(*ROWS)

    result = down(allow_data_loss=value)

    assert REFUSAL.format(1, 1, 1) in result.stderr


def test_data_is_dropped_when_allowed(database: Database, up: Psql, down: Psql) -> None:
    before = database.schema_dump()
    up()
    database.execute(*ROWS)

    result = down(allow_data_loss="true")

    assert result.returncode == 0, result.stderr
    assert database.schema_dump() == before


def test_rows_hidden_by_row_security_are_not_dropped(database: Database, server: Server) -> None:
    roles = Roles(server, database)
    run_file(database, "up", **roles.variables())
    database.execute(
        ROWS[0],
        "ALTER TABLE checkpoints ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE checkpoints FORCE ROW LEVEL SECURITY",
    )

    result = run_file(database, "down", user=roles.migrator, owner=roles.owner)

    assert result.returncode == 3
    assert database.value("SELECT count(*) FROM checkpoints") == 1


def test_a_refusal_does_not_count_a_large_table_to_its_end(
    database: Database, up: Psql, down: Psql
) -> None:
    up()
    database.execute(
        "INSERT INTO checkpoints SELECT n, '', 'c', NULL, NULL, '{}', '{}'"
        " FROM generate_series(1, 100001) n"
    )

    result = down()

    assert REFUSAL.format("more than 100000", 0, 0) in result.stderr


@pytest.mark.parametrize("history", HISTORY)
def test_every_historic_version_can_be_dropped(
    database: Database, down: Psql, history: str
) -> None:
    before = database.schema_dump()
    make_history(database, history, rows=False)

    result = down()

    assert result.returncode == 0, result.stderr
    assert database.schema_dump() == before


def test_an_invalid_index_can_be_dropped(database: Database, down: Psql) -> None:
    make_history(database, "LangGraph.js at version 4", rows=False)
    make_invalid_index(database)

    assert down().returncode == 0


@pytest.mark.parametrize("layout", FOREIGN)
def test_foreign_layouts_are_not_dropped(database: Database, down: Psql, layout: str) -> None:
    database.execute(FOREIGN[layout][0])
    before = database.schema_dump()

    result = down(allow_data_loss="true")

    assert "MG010" in result.stderr
    assert database.schema_dump() == before


def test_a_newer_version_is_not_dropped(database: Database, up: Psql, down: Psql) -> None:
    up()
    database.execute("INSERT INTO checkpoint_migrations VALUES (10)")

    result = down()

    assert "MG011" in result.stderr
    assert database.value("SELECT count(*) FROM checkpoint_migrations") == 11


def test_tables_others_depend_on_stay(database: Database, up: Psql, down: Psql) -> None:
    up()
    database.execute("CREATE VIEW report AS SELECT thread_id FROM checkpoints")
    before = database.schema_dump()

    result = down(allow_data_loss="true")

    assert "2BP01" in result.stderr
    assert "view report depends on table checkpoints" in result.stderr
    assert database.schema_dump() == before


def test_other_tables_of_the_schema_stay(database: Database, up: Psql, down: Psql) -> None:
    database.execute("CREATE TABLE store (id integer)", "CREATE TABLE checkpoint (id integer)")
    before = database.schema_dump()
    up()

    down()

    assert database.schema_dump() == before


def test_a_migration_at_work_is_not_disturbed(database: Database, up: Psql, down: Psql) -> None:
    up()

    with held_lock(database):
        result = down()

    assert "MGBSY" in result.stderr
    assert "somebody else" in result.stderr


def test_the_owner_role_drops_its_tables(database: Database, server: Server) -> None:
    roles = Roles(server, database)
    run_file(database, "up", **roles.variables())

    result = run_file(database, "down", user=roles.migrator, owner=roles.owner)

    assert result.returncode == 0, result.stderr
    assert database.value("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0


def test_other_tables_keep_a_database_that_would_be_dropped(
    database: Database, up: Psql, down: Psql
) -> None:
    up()
    database.execute("CREATE SCHEMA graphs", "CREATE TABLE graphs.store (id int)")
    before = database.schema_dump()

    refused = down(owns_database="true")
    allowed = down(owns_database="true", allow_data_loss="true")

    assert refused.returncode == 3
    assert "MG021: refusing to let database" in refused.stderr
    assert "other tables in it (graphs.store)" in refused.stderr
    assert "checkpoints" in before
    assert allowed.returncode == 0, allowed.stderr


def test_somebody_elses_tables_do_not_matter_in_somebody_elses_database(
    database: Database, up: Psql, down: Psql
) -> None:
    up()
    database.execute("CREATE TABLE store (id int)")

    assert down().returncode == 0
    assert "CREATE TABLE public.store" in database.schema_dump()


def test_a_database_with_nothing_else_in_it_may_be_dropped(up: Psql, down: Psql) -> None:
    up()

    assert down(owns_database="true").returncode == 0


def test_another_server_than_the_named_one_is_refused(
    database: Database, up: Psql, down: Psql
) -> None:
    up()
    found = database.value("SELECT system_identifier::text FROM pg_control_system()")
    before = database.schema_dump()

    refused = down(server_id="7000000000000000001", allow_data_loss="true")
    unchanged = database.schema_dump()
    allowed = down(server_id=found, allow_data_loss="true")

    assert "MG024: expected PostgreSQL server 7000000000000000001" in refused.stderr
    assert f"found server {found}" in refused.stderr
    assert unchanged == before
    assert allowed.returncode == 0, allowed.stderr
