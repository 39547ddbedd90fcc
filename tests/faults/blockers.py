"""Sessions that stand in the way of a migration."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from subprocess import PIPE, Popen

from tests.faults.migrator import wait_until
from tests.support.postgres import Database

Blocker = Callable[[Database], AbstractContextManager[str]]
INSERT = (
    "INSERT INTO checkpoint_writes (thread_id, checkpoint_id, task_id, idx, channel, blob)"
    " VALUES ('blocker', 'c', 't', 0, 'a', '')"
)
DUMPING = "SELECT count(*) FROM pg_locks WHERE relation = 'checkpoint_writes'::regclass AND granted"


@contextmanager
def _transaction(database: Database, *statements: str) -> Iterator[str]:
    with database.connect() as session:
        session.execute("SET application_name = 'in the way'")
        for statement in statements:
            session.execute(statement.encode())
        yield "application 'in the way'"
        session.execute("ROLLBACK")


def idle_writer(database: Database) -> AbstractContextManager[str]:
    """Hold a row lock and nothing more to do."""
    return _transaction(database, "BEGIN", INSERT)


def idle_reader(database: Database) -> AbstractContextManager[str]:
    """Hold a transaction that has read a table."""
    return _transaction(database, "BEGIN", "SELECT count(*) FROM checkpoint_writes")


def snapshot(database: Database) -> AbstractContextManager[str]:
    """Hold an old snapshot without any table lock of ours."""
    return _transaction(database, "BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT FROM pg_class")


@contextmanager
def prepared_transaction(database: Database) -> Iterator[str]:
    """Hold a lock that no session holds."""
    with database.connect() as session:
        session.execute("BEGIN")
        session.execute(INSERT)
        session.execute("PREPARE TRANSACTION 'in the way'")
    try:
        yield "prepared transaction 'in the way'"
    finally:
        database.execute("ROLLBACK PREPARED 'in the way'")


@contextmanager
def pg_dump(database: Database) -> Iterator[str]:
    """Hold a dump half-way: nobody reads what it writes."""
    env = database.server.env(database.name)
    with Popen(["pg_dump"], env=env, stdout=PIPE) as dump:
        assert dump.stdout
        wait_until(lambda: database.value(DUMPING))
        yield "application 'pg_dump'"
        dump.stdout.read()
    assert dump.returncode == 0


def maintenance(database: Database) -> AbstractContextManager[str]:
    """Hold the lock that VACUUM holds, which an anti-wraparound one does not give up."""
    return _transaction(
        database, "BEGIN", "LOCK TABLE checkpoint_writes IN SHARE UPDATE EXCLUSIVE MODE"
    )


COMMON: dict[str, Blocker] = {
    "idle writer": idle_writer,
    "vacuum": maintenance,
    "prepared transaction": prepared_transaction,
    "pg_dump": pg_dump,
}
# A reader without a snapshot stops no index build, a snapshot without a table stops no ALTER.
ALTER_BLOCKERS = COMMON | {"idle reader": idle_reader}
BUILD_BLOCKERS = COMMON | {"old snapshot": snapshot}
