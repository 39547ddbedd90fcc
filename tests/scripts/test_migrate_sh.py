"""migrate.sh: exit status, one sentence for Kubernetes, and patience with what passes by itself."""

import shutil
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import Popen

import psycopg
import pytest

from tests.migrations.conftest import recorded, run_setup
from tests.migrations.test_up import BUILDS, ROWS, held_lock, make_history
from tests.scripts.conftest import Container
from tests.support.postgres import Database, Server

Migrate = Callable[..., tuple[int, str, str]]


def test_an_empty_database_is_migrated(
    database: Database, migrate: Migrate, langgraph_dump: str
) -> None:
    status, output, message = migrate()

    assert status == 0, output
    assert message.startswith("schema public at version 9: 4 tables, 7 indexes, migrated in ")
    assert database.schema_dump() == langgraph_dump


def test_every_step_is_announced(migrate: Migrate) -> None:
    _, output, message = migrate()

    steps = [line.split(":")[0] for line in output.splitlines()]
    assert steps == [
        f"==> {step}"
        for step in ("credential", "connection", "already applied", "apply", "verify", "result")
    ]
    assert output.endswith(f"==> result: {message}\n")


def test_the_connection_is_described(database: Database, migrate: Migrate) -> None:
    _, output, _ = migrate()

    version = database.value("SHOW server_version").split()[0]
    assert f"PostgreSQL {version}, database {database.name}, role postgres, TLSv1.3" in output


def test_a_second_run_has_nothing_to_do(migrate: Migrate) -> None:
    migrate()

    status, output, message = migrate()

    assert status == 0
    assert message == "schema public already at version 9, nothing to do"
    assert "==> apply" not in output


def test_settings_reach_the_sql(database: Database, server: Server, migrate: Migrate) -> None:
    owner, app = server.create_role("NOLOGIN"), server.create_role("NOLOGIN")
    database.execute(f'CREATE SCHEMA "La ng" AUTHORIZATION {owner}')

    status, output, message = migrate(SCHEMA="La ng", OWNER_ROLE=owner, APP_ROLE=app)

    assert status == 0, output
    assert 'schema "La ng" at version 9' in message
    assert (
        database.value("SELECT min(tableowner) FROM pg_tables WHERE schemaname = 'La ng'") == owner
    )
    assert database.value(f"SELECT has_table_privilege('{app}', '\"La ng\".checkpoints', 'INSERT')")


def test_down_drops_and_may_be_repeated(database: Database, migrate: Migrate) -> None:
    before = database.schema_dump()
    migrate()

    first, second = migrate("down"), migrate("down")

    assert (first[0], second[0]) == (0, 0)
    assert second[2] == "schema public holds no checkpoint tables, nothing to do"
    assert database.schema_dump() == before


def test_down_refuses_rows_until_allowed(database: Database, migrate: Migrate) -> None:
    migrate()
    database.execute(ROWS[0])

    status, _, message = migrate("down")

    assert status == 10
    assert message == (
        "refused: refusing to drop tables that hold data (rows: checkpoints 1, checkpoint_blobs 0,"
        " checkpoint_writes 0); set allowDataLoss to true, run pulumi up, then pulumi destroy"
    )
    assert migrate("down", ALLOW_DATA_LOSS="true")[0] == 0


def test_a_dependent_view_is_a_refusal(database: Database, migrate: Migrate) -> None:
    migrate()
    database.execute("CREATE VIEW report AS SELECT thread_id FROM checkpoints")

    status, _, message = migrate("down")

    assert status == 10
    assert "view report depends on table checkpoints" in message


def test_a_foreign_table_is_a_refusal(database: Database, migrate: Migrate) -> None:
    database.execute("CREATE TABLE checkpoints (id uuid)")
    before = database.schema_dump()

    status, _, message = migrate()

    assert status == 10
    assert message.startswith("refused: ")
    assert "checkpoints.thread_id: expected text not null, found no such column" in message
    assert database.schema_dump() == before


def test_a_read_only_database_is_a_refusal(database: Database, migrate: Migrate) -> None:
    database.execute(f"ALTER DATABASE {database.name} SET default_transaction_read_only = on")

    status, _, message = migrate()

    assert status == 10
    assert "default_transaction_read_only" in message


def test_a_missing_right_names_the_grant(
    container: Container, server: Server, migrate: Migrate
) -> None:
    role = server.create_role()
    container.write_service(user=role)

    status, _, message = migrate()

    assert status == 11
    assert f"run GRANT USAGE, CREATE ON SCHEMA public TO {role}" in message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dbname": "no_such"}, 'database "no_such" does not exist'),
        ({"user": "no_such"}, "password authentication failed"),
        ({"sslrootcert": "/dev/null"}, "certificate"),
        ({"sslrootcert": "/no/such/file"}, "certificate"),
        ({"host": "127.0.0.1"}, "certificate"),
        ({"port": "abc"}, "port"),
        ({"sslmode": "maybe"}, "sslmode"),
        ({"nonsense": "x"}, "service file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_wrong_credentials_end_at_once(
    container: Container, migrate: Migrate, change: dict[str, str], words: str
) -> None:
    container.write_service(**change)

    status, output, message = migrate()

    assert status == 11, output
    assert message.startswith("credentials or rights: ")
    assert words in message
    assert "attempt" not in output


def test_a_wrong_password_ends_at_once_and_is_not_shown(
    container: Container, migrate: Migrate
) -> None:
    container.write_password("hunter2")

    status, output, message = migrate()

    assert status == 11
    assert "password authentication failed" in message
    assert "hunter2" not in output


def test_a_role_that_may_not_log_in_is_a_credential_problem(
    container: Container, server: Server, migrate: Migrate
) -> None:
    container.write_service(user=server.create_role("NOLOGIN"))

    status, _, message = migrate()

    assert status == 11
    assert "not permitted to log in" in message


@pytest.mark.parametrize("file", ["pg_service.conf", "pgpass"])
@pytest.mark.parametrize("state", ["missing", "empty"])
def test_missing_credentials_are_named(
    container: Container, migrate: Migrate, file: str, state: str
) -> None:
    (container.credentials / file).unlink()
    if state == "empty":
        (container.credentials / file).touch()

    status, _, message = migrate()

    assert status == 11
    assert f"{container.credentials}/{file}" in message


def test_an_unreachable_server_is_waited_for_until_the_deadline(
    container: Container, migrate: Migrate
) -> None:
    container.write_service(port=1)

    status, output, message = migrate(DEADLINE_SECONDS="3")

    assert status == 12
    assert message.startswith("gave up after 3 s and ")
    assert "Connection refused" in message
    assert "again in a moment" in output


def test_a_held_lock_is_waited_for_until_the_deadline(database: Database, migrate: Migrate) -> None:
    with held_lock(database) as holder:
        pid = holder.info.backend_pid
        status, _, message = migrate(DEADLINE_SECONDS="1")

    assert status == 12
    assert f"pid {pid}, application 'somebody else'" in message


def test_a_released_lock_lets_the_migration_go_on(container: Container, database: Database) -> None:
    with held_lock(database):
        process = container.start("migrate.sh", "up")
        assert process.stdout
        assert any("attempt 1" in line for line in process.stdout)
    status, output, _ = container.finish(process)

    assert status == 0, output


def test_a_reader_in_the_way_of_an_alter_is_waited_for(
    container: Container, database: Database, langgraph_dump: str
) -> None:
    make_history(database, "2.0.9 at version 8 without task_path", rows=True)

    with database.connect() as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM checkpoint_writes")
        process = container.start("migrate.sh", "up")
        assert process.stdout
        assert any("lock timeout" in line for line in process.stdout)
    status, output, _ = container.finish(process)

    assert status == 0, output
    assert database.schema_dump() == langgraph_dump


def test_who_is_in_the_way_of_an_alter_is_named_when_the_time_is_up(
    database: Database, migrate: Migrate
) -> None:
    make_history(database, "2.0.9 at version 8 without task_path", rows=True)

    with database.connect() as reader:
        pid = reader.info.backend_pid
        reader.execute("SET application_name = 'nightly report'")
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM checkpoint_writes")
        status, _, message = migrate(DEADLINE_SECONDS="3")

    assert status == 12
    assert "canceling statement due to lock timeout" in message
    assert f"in the way: pid {pid}, application 'nightly report'" in message
    assert "in a transaction since " in message


def test_progress_and_who_is_in_the_way_of_an_index_build_are_logged(
    container: Container, database: Database
) -> None:
    make_history(database, "LangGraph.js at version 4", rows=True)
    container.environment["PROGRESS_SECONDS"] = "1"

    with blocked_index_build(container, database) as process:
        assert process.stdout
        lines = iter(process.stdout)
        assert any(line.startswith("==> space: the index builds need about ") for line in lines)
        assert any("==> index build on checkpoints: waiting for" in line for line in lines)
        assert any(line.startswith("==> in the way: pid ") for line in lines)
    status, output, _ = container.finish(process)

    assert status == 0, output


def test_an_index_build_ends_with_the_deadline(database: Database, migrate: Migrate) -> None:
    make_history(database, "LangGraph.js at version 4", rows=True)

    with database.connect() as older:
        older.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        older.execute("SELECT FROM pg_class")
        status, _, message = migrate(DEADLINE_SECONDS="2")

    assert status == 12
    assert "statement timeout" in message
    assert migrate()[0] == 0


@contextmanager
def blocked_index_build(container: Container, database: Database) -> Iterator[Popen[str]]:
    """Start a migration that waits in CREATE INDEX CONCURRENTLY for an older transaction."""
    building = f"SELECT count(*) FROM {BUILDS}"
    with database.connect() as older:
        older.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        older.execute("SELECT FROM pg_class")
        process = container.start("migrate.sh", "up")
        while not database.value(building):
            assert process.poll() is None
        yield process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["TERM", "INT"])
def test_a_signal_cancels_the_statement_and_the_next_run_completes(
    container: Container,
    database: Database,
    migrate: Migrate,
    langgraph_dump: str,
    number: signal.Signals,
) -> None:
    make_history(database, "LangGraph.js at version 4", rows=True)

    with blocked_index_build(container, database) as process:
        process.send_signal(number)
        status, _, message = container.finish(process)
        building = database.value("SELECT count(*) FROM pg_stat_progress_create_index")

    assert status == 143
    assert message.startswith("stopped by a signal")
    assert building == 0
    assert migrate()[0] == 0
    assert database.schema_dump() == langgraph_dump


def signalled(container: Container, line: str, after: float = 0) -> float:
    """Signal a migration so many seconds after its line; return how long the next line took."""
    process = container.start("migrate.sh", "up")
    assert process.stdout
    assert any(said.startswith(line) for said in process.stdout)
    began = time.monotonic()
    if after:
        time.sleep(after)
    else:
        process.stdout.readline()
    took = time.monotonic() - began
    process.send_signal(signal.SIGTERM)
    # It waits for the end of the output, which a process that is left keeps open.
    assert container.finish(process)[0] == 143
    return took


def test_a_signal_while_the_watch_of_an_index_build_starts_leaves_no_process(
    container: Container, database: Database
) -> None:
    make_history(database, "LangGraph.js at version 4", rows=True)
    with database.connect() as older:
        older.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        older.execute("SELECT FROM pg_class")

        for _ in range(4):
            gap = signalled(container, "==> apply")
            for early in range(8):
                signalled(container, "==> apply", max(0.001, gap - early * 0.0004))


def test_a_signal_ends_the_wait_for_the_next_attempt(container: Container) -> None:
    container.write_service(port=1)
    container.environment["PROGRESS_SECONDS"] = "0"
    process = container.start("migrate.sh", "up")
    assert process.stdout
    assert any("attempt 4" in line for line in process.stdout)

    process.send_signal(signal.SIGTERM)
    status, _, _ = container.finish(process)

    assert status == 143


def test_a_terminated_connection_is_made_again(
    container: Container, database: Database, langgraph_dump: str
) -> None:
    make_history(database, "LangGraph.js at version 4", rows=True)

    with blocked_index_build(container, database) as process:
        database.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_progress_create_index")
    status, output, _ = container.finish(process)

    assert status == 0, output
    assert database.schema_dump() == langgraph_dump


@pytest.mark.parametrize("arguments", [(), ("sideways",)])
def test_another_argument_is_an_error(container: Container, arguments: tuple[str, ...]) -> None:
    status, _, message = container.run("migrate.sh", *arguments)

    assert status == 13
    assert message.startswith("expected up or down")


def test_a_missing_migration_file_is_an_error(migrate: Migrate, tmp_path: Path) -> None:
    status, _, message = migrate(MIGRATIONS_DIR=str(tmp_path))

    assert status == 13
    assert message == (
        f"expected files such as 001_what.up.sql in {tmp_path}, found none that can be read"
    )


def test_another_sql_error_is_told_apart(
    container: Container, migrate: Migrate, tmp_path: Path
) -> None:
    file = tmp_path / "001_create_checkpointer_tables.up.sql"
    file.write_text("\\set VERBOSITY verbose\nSELEC;")

    status, _, message = migrate(MIGRATIONS_DIR=str(tmp_path))

    assert status == 13
    assert message.startswith("SQL error 42601: syntax error")


def test_an_image_without_psql_is_an_error(container: Container, tmp_path: Path) -> None:
    image = tmp_path / "image"
    shutil.copytree(container.programs, image, symlinks=True)
    (image / "psql").unlink()

    for script in ("migrate.sh", "verify.sh"):
        status, _, message = container.run(script, "up", PATH=str(image))

        assert status == 13
        assert "psql: not found" in message


@pytest.mark.parametrize("script", ["migrate.sh", "verify.sh"])
def test_messages_are_read_in_the_c_locale(
    container: Container, tmp_path: Path, script: str
) -> None:
    image = tmp_path / "image"
    shutil.copytree(container.programs, image, symlinks=True)
    (image / "psql").unlink()
    (image / "psql").write_text(f'#!{image}/sh\necho "psql: error: locale $LC_ALL" >&2; exit 2\n')
    (image / "psql").chmod(0o755)

    status, _, message = container.run(
        script, "up", PATH=str(image), LC_ALL="de_DE.UTF-8", DEADLINE_SECONDS="0"
    )

    assert status == 12
    assert "locale C" in message


def test_an_unwritable_termination_log_does_not_matter(container: Container) -> None:
    process = container.start("migrate.sh", "up", TERMINATION_LOG="/no/such/directory/log")
    output = "".join(process.communicate())

    assert process.returncode == 0
    assert "/no/such" not in output


def test_migrations_and_setup_at_the_same_time_all_end_well(
    tmp_path: Path, server: Server, programs: Path, langgraph_dump: str
) -> None:
    def setup(database: Database) -> None:
        # setup() takes no lock: losing a race against us or itself is normal for it
        with suppress(psycopg.Error):
            run_setup(database)

    for attempt in range(3):
        database = server.create_database()
        with ThreadPoolExecutor() as pool:
            containers = []
            for number in range(3):
                directory = tmp_path / f"{attempt}-{number}"
                directory.mkdir()
                containers.append(Container(directory, database, programs))
            setups = [pool.submit(setup, database) for _ in range(2)]
            runs = [pool.submit(c.run, "migrate.sh", "up") for c in containers]
            results = [run.result() for run in runs]
            assert [s.result() for s in setups] == [None, None]

        assert [status for status, _, _ in results] == [0, 0, 0], results
        assert database.schema_dump() == langgraph_dump
        assert database.value("SELECT bool_and(indisvalid) FROM pg_index")
        assert recorded(database) == list(range(10))
        database.drop()
