"""Dumps of every supported server by every client that is not older, and their way back."""

import functools
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from devstack.postgresql import server_programs
from tests.conftest import run_setup
from tests.maintenance.test_restore import SCRATCH, SCRIPT, TABLES
from tests.scripts.conftest import Container
from tests.scripts.conftest import programs as programs
from tests.support.deployment import REPOSITORY
from tests.support.documents import commands
from tests.support.postgres import Database, Server
from tests.support.postgres_versions import SUPPORTED

PAGE = "docs/backup.md"
PAIRS = [(client, server) for server in SUPPORTED for client in SUPPORTED if client >= server]
OLDER = [(client, server) for server in SUPPORTED for client in SUPPORTED if client < server]
CLIENTS = ("psql", "pg_dump", "pg_restore")
ROWS = (
    "INSERT INTO checkpoints SELECT 't', '', 'c' || n, NULL, NULL, '{}', '{}'"
    " FROM generate_series(1, 3) AS n",
    "INSERT INTO checkpoint_blobs VALUES ('t', '', 'messages', '1', 'msgpack', '\\x00ff5c0a')",
    # What a script must not take for a setting of its own.
    "INSERT INTO checkpoint_writes VALUES"
    " ('t', '', 'c1', E'\\nSET transaction_timeout = 0;\\n', 0, 'c', NULL, '\\x', '')",
)
Place = Callable[[int, int], Container]


@pytest.fixture(scope="module")
def servers() -> Iterator[Callable[[int], Server]]:
    with ExitStack() as running:
        yield functools.cache(
            lambda version: running.enter_context(Server(tls=True, version=version))
        )


@pytest.fixture
def place(servers: Callable[[int], Server], programs: Path, tmp_path: Path) -> Iterator[Place]:
    """Return what gives a Job's surroundings with one client, and a filled database of a server."""
    made: list[Database] = []

    def with_versions(client: int, server: int) -> Container:
        image = tmp_path / "image"
        shutil.copytree(programs, image, symlinks=True)
        for name in CLIENTS:
            (image / name).unlink(missing_ok=True)
            (image / name).symlink_to(server_programs(client) / name)
        made.append(servers(server).create_database())
        run_setup(made[0])
        made[0].execute(*ROWS)
        container = Container(tmp_path, made[0], image)
        (tmp_path / "volume").mkdir()
        container.environment |= {
            "BACKUP_PURPOSE": "schedule",
            "BACKUP_DIR": str(tmp_path / "volume"),
            "BACKUP_NAME": "prod",
        }
        return container

    yield with_versions
    for database in made:
        database.drop()


def by_hand(
    container: Container, block: str, dump: Path, database: Database
) -> CompletedProcess[str]:
    """Run a block of commands with the container's client, in a folder as a clone is."""
    folder = container.temporary
    (folder / "components").symlink_to(REPOSITORY / "components")
    (folder / "migrations").symlink_to(REPOSITORY / "migrations")
    try:
        return database.run(
            "env", f"PATH={container.programs}", "sh", "-e", "-u", "-c",
            f"cd {folder}; DATABASE={database.name} DUMP={dump}; {block}",
        )  # fmt: skip
    finally:
        shutil.rmtree(folder)
        folder.mkdir()


def contents(database: Database) -> list[str]:
    return [
        database.value(f"SELECT array_agg(t::text ORDER BY t::text) FROM {table} AS t")
        for table in ("checkpoint_migrations", *TABLES)
    ]


@pytest.mark.parametrize(("client", "server"), PAIRS)
def test_every_client_dumps_drills_and_restores_a_server_that_is_not_newer(
    place: Place, client: int, server: int, tmp_path: Path
) -> None:
    container = place(client, server)
    source = container.database

    dumped, output, _ = container.run("backup.sh")
    assert dumped == 0, output
    drilled, output, message = container.run(SCRIPT)
    (dump,) = (tmp_path / "volume").iterdir()
    filled, empty, dropped = (source.server.create_database() for _ in range(3))
    run_setup(filled)
    filled.execute("INSERT INTO checkpoints SELECT 'gone', '', 'c', NULL, NULL, '{}', '{}'")
    rows = by_hand(container, commands(PAGE, "restore"), dump, filled)
    everything = by_hand(container, commands(PAGE, "restore into an empty database"), dump, empty)
    after_rollback = by_hand(container, commands("docs/destroy.md", "restore"), dump, dropped)
    by_name = by_hand(container, commands(PAGE, "drill"), dump.parent, empty)

    assert drilled == 0, output
    assert "8 checks passed" in message
    assert rows.returncode == 0, rows.stderr
    assert everything.returncode == 0, everything.stderr
    assert after_rollback.returncode == 0, after_rollback.stderr
    assert by_name.returncode == 0, by_name.stderr
    assert contents(source) == contents(filled) == contents(empty) == contents(dropped)
    assert source.value(SCRATCH) is None
    for database in (filled, empty, dropped):
        database.drop()


@pytest.mark.parametrize(("client", "server"), OLDER)
@pytest.mark.parametrize("purpose", ["schedule", "rollback"])
def test_a_client_that_is_older_than_the_server_is_named_by_the_dump(
    place: Place, client: int, server: int, purpose: str
) -> None:
    status, _, message = place(client, server).run("backup.sh", BACKUP_PURPOSE=purpose)

    assert status == 10
    assert f"expected a pg_dump as new as the server, found server version: {server}." in message
    assert f"pg_dump version: {client}." in message
    assert message.endswith("set postgresImage to an image of the server's version")


@pytest.mark.parametrize(("client", "server"), OLDER)
def test_the_migration_refuses_a_client_that_could_not_dump_before_it_touches_the_schema(
    place: Place, client: int, server: int
) -> None:
    container = place(client, server)
    database = container.database
    database.execute(f"DROP TABLE {', '.join(TABLES)}")

    status, _, message = container.run(
        "migrate.sh", "up", DUMP_SETTING="backupSchedule and rollbackBackupClaim"
    )

    assert (status, message) == (
        10,
        "refused: expected a pg_dump as new as the server for the dumps of backupSchedule and "
        f"rollbackBackupClaim, found pg_dump {client} in postgresImage and PostgreSQL {server}: "
        f"set postgresImage to an image of PostgreSQL {server}",
    )
    assert database.value("SELECT to_regclass('checkpoints') IS NULL")
    assert container.run("migrate.sh", "up")[0] == 0


@pytest.mark.parametrize(("client", "server"), PAIRS)
def test_the_migration_goes_on_where_the_client_can_dump(
    place: Place, client: int, server: int
) -> None:
    status, output, _ = place(client, server).run("migrate.sh", "up", DUMP_SETTING="backupSchedule")

    assert status == 0, output


def test_the_migration_says_that_the_image_cannot_dump_at_all(place: Place) -> None:
    container = place(15, 15)
    (container.programs / "pg_dump").unlink()

    status, _, message = container.run("migrate.sh", "up", DUMP_SETTING="backupSchedule")

    assert status == 10
    assert message == (
        "refused: expected pg_dump in postgresImage for the dumps of backupSchedule, found none: "
        "set postgresImage to an image that has it"
    )


def test_the_drill_says_that_a_dump_is_of_a_newer_client(place: Place, tmp_path: Path) -> None:
    container = place(17, 15)
    container.run("backup.sh")
    for name in CLIENTS:
        (container.programs / name).unlink()
        (container.programs / name).symlink_to(server_programs(15) / name)

    status, _, message = container.run(SCRIPT)

    assert status == 10
    assert "unsupported version" in message
    assert message.endswith("set postgresImage to the version that made it")


def test_a_script_without_its_end_is_not_taken_for_a_whole_one(
    place: Place, tmp_path: Path
) -> None:
    container = place(17, 15)
    container.run("backup.sh")
    (dump,) = (tmp_path / "volume").iterdir()
    dump.write_bytes(dump.read_bytes()[:-20])

    done = by_hand(container, commands(PAGE, "restore"), dump, container.database)
    status, _, message = container.run(SCRIPT)

    assert done.returncode != 0
    assert len(contents(container.database)[1]) == 3
    assert status == 13
    assert "was not restored" in message
