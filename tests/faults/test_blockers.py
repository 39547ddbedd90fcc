"""Whoever stands in the way is named and waited for, and nobody waits because of us."""

import pytest

from tests.faults.blockers import ALTER_BLOCKERS, BUILD_BLOCKERS, COMMON, Blocker
from tests.faults.ground import Ground
from tests.faults.migrator import Migrator
from tests.faults.writer import Writer
from tests.migrations.conftest import run_file
from tests.support.postgres import Database
from tests.support.wire_proxy import Phase, WireProxy, statement_with


@pytest.mark.parametrize("blocker", ALTER_BLOCKERS.values(), ids=ALTER_BLOCKERS)
def test_an_alter_names_who_is_in_the_way_and_no_writer_waits_longer_than_100_ms(
    ground: Ground, old_database: Database, migrator: Migrator, blocker: Blocker
) -> None:
    with Writer(old_database) as writer:
        with blocker(old_database) as name:
            run = migrator.begin(PROGRESS_SECONDS="1")
            run.wait_for(name)
        status = run.finish()

    assert status == 0, run.output
    writer.assert_never_stalled(ground.server)
    ground.assert_converged(old_database)


@pytest.mark.parametrize("blocker", BUILD_BLOCKERS.values(), ids=BUILD_BLOCKERS)
def test_an_index_build_names_who_is_in_the_way_and_outlasts_it(
    ground: Ground,
    old_database: Database,
    proxied: Migrator,
    proxy: WireProxy,
    blocker: Blocker,
) -> None:
    with Writer(old_database) as writer:
        with proxy.stopping_at(statement_with("CREATE INDEX CONC", Phase.BEFORE)) as stop:
            run = proxied.begin(PROGRESS_SECONDS="1")
            run.wait_until(lambda: stop.event)
            with blocker(old_database) as name:
                stop.release()
                run.wait_for(name)
        status = run.finish()

    assert status == 0, run.output
    writer.assert_never_stalled(ground.server)
    ground.assert_converged(old_database)


@pytest.mark.parametrize("blocker", ["prepared transaction", "vacuum"])
def test_a_rollback_refuses_to_wait_for_who_holds_a_lock_and_names_it(
    ground: Ground, old_database: Database, blocker: str
) -> None:
    with COMMON[blocker](old_database) as name:
        result = run_file(old_database, "down", allow_data_loss="true")

    assert "MG023: expected short transactions on the tables" in result.stderr
    assert name in result.stderr
