"""Through PgBouncer: a session works, anything shorter is refused and leaves nothing behind."""

import psycopg
import pytest
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg.rows import DictRow, dict_row

from tests.faults.ground import LOCKS, Ground
from tests.faults.migrator import Migrator
from tests.faults.pooler import conninfo, pgbouncer
from tests.migrations.test_application_setup import prepare
from tests.support.postgres import Database
from tests.support.saver_session import SEEN, run


@pytest.mark.parametrize("pool_size", [1, 5], ids=["one connection", "five connections"])
def test_a_session_pooler_works(
    ground: Ground, old_database: Database, migrator: Migrator, pool_size: int
) -> None:
    with pgbouncer(ground.server, "session", pool_size) as port:
        migrator.use(old_database, port)
        status, output = migrator.migrate()

    assert status == 0, output
    ground.assert_converged(old_database)


@pytest.mark.parametrize("pool_size", [1, 5], ids=["one connection", "five connections"])
@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_a_pooler_of_less_than_sessions_is_refused_before_any_change(
    ground: Ground, old_database: Database, migrator: Migrator, mode: str, pool_size: int
) -> None:
    before = old_database.schema_dump()

    with pgbouncer(ground.server, mode, pool_size) as port:
        migrator.use(old_database, port)
        status, output = migrator.migrate()
        with psycopg.connect(conninfo(port, old_database.name), autocommit=True) as application:
            settings = application.execute("SHOW search_path").fetchone()
        locks = old_database.value(LOCKS)

    assert status == 10, output
    assert "connect to the server itself" in output
    assert old_database.schema_dump() == before
    assert (settings, locks) == (('"$user", public',), 0), "left to whom the pooler serves next"


@pytest.mark.parametrize("pool_size", [1, 5], ids=["one connection", "five connections"])
def test_setup_of_an_application_passes_through_a_transaction_pooler(
    ground: Ground, pool_size: int
) -> None:
    place = prepare(ground.server.create_database())
    place.up()
    before = place.of_tables()
    role = place.roles.app

    with pgbouncer(ground.server, "transaction", pool_size, role) as port:
        through = conninfo(port, place.database.name, role)
        for _ in range(pool_size + 1):
            # As applicationBehindPooler has it: nothing is prepared.
            with psycopg.Connection[DictRow].connect(
                through, autocommit=True, prepare_threshold=None, row_factory=dict_row
            ) as connection:
                assert run(PostgresSaver(connection)) == SEEN

    assert place.of_tables() == before
    place.database.drop()
