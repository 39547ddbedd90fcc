"""Runs the PostgreSQL server: TLS and SCRAM only, as the user postgres."""

import shutil
import tempfile
from pathlib import Path

from devstack import processes
from devstack.addresses import POSTGRESQL_PORT
from devstack.errors import StackError
from devstack.layout import POSTGRESQL_BIN, ROOT, Stack, write_private
from devstack.startup import Startup
from devstack.templates import render
from devstack.waiting import wait_until

PART = "postgresql"
USER = "postgres"

_UNFINISHED = "unfinished-"

_AS_POSTGRES = str(ROOT / "devstack" / "scripts" / "as-postgres.sh")


def start(startup: Startup) -> None:
    """Make the database cluster once, start the server and wait until it takes connections."""
    stack = startup.stack
    stack.postgresql.mkdir(mode=0o700, exist_ok=True)
    for name in ("postgresql.conf", "pg_hba.conf"):
        (stack.postgresql / name).write_text(render(name, stack.values()))
    shutil.copy(stack.pki / "postgresql.crt", stack.postgresql / "server.crt")
    shutil.copy(stack.pki / "postgresql.key", stack.postgresql / "server.key")
    _give_to_postgres(stack.postgresql)
    if not startup.running(PART):
        _prepare_data(startup)
    startup.start(
        PART,
        _command(stack, "postgres", "-D", "/mnt/data", "-c", "config_file=/mnt/postgresql.conf"),
    )
    startup.wait(PART, lambda: ready(stack), "PostgreSQL to take connections")
    startup.report("PostgreSQL ready")


def ready(stack: Stack) -> bool:
    """Tell whether the server takes connections."""
    try:
        processes.run(
            POSTGRESQL_BIN / "pg_isready", "-h", stack.network.host, "-p", str(POSTGRESQL_PORT)
        )
    except StackError:
        return False
    return True


def _prepare_data(startup: Startup) -> None:
    """Make the data folder, or free it from a server that was killed."""
    data = startup.stack.postgresql / "data"
    if not data.exists():
        _initialise(startup.stack)
    wait_until(
        lambda: not _in_use(data),
        "the children of a killed PostgreSQL server to end",
        seconds=20,
        cancelled=startup.cancelled,
    )
    # a new server takes the killed one for alive as long as nobody has reaped its zombie
    (data / "postmaster.pid").unlink(missing_ok=True)


def _initialise(stack: Stack) -> None:
    for leftover in stack.postgresql.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    # a name of its own: the initdb of a killed start may still be writing to another
    unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=stack.postgresql))
    write_private(unfinished / "password", stack.database_password)
    for path in (unfinished, unfinished / "password"):
        shutil.chown(path, USER, USER)
    initdb = _command(
        stack,
        "initdb",
        f"--pgdata=/mnt/{unfinished.name}/data",
        f"--pwfile=/mnt/{unfinished.name}/password",
        f"--username={USER}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--no-sync",
        "--no-instructions",
    )
    processes.run(*initdb)
    (unfinished / "data").rename(stack.postgresql / "data")
    shutil.rmtree(unfinished)


def _command(stack: Stack, program: str, *arguments: str) -> list[str]:
    return [
        "unshare",
        "--mount",
        "--propagation=private",
        _AS_POSTGRES,
        str(stack.postgresql),
        str(POSTGRESQL_BIN / program),
        *arguments,
    ]


def _give_to_postgres(folder: Path) -> None:
    shutil.chown(folder, USER, USER)
    for path in folder.iterdir():
        if path.is_file():
            path.chmod(0o600)
            shutil.chown(path, USER, USER)


def _in_use(data: Path) -> bool:
    """Tell whether any process works in the data folder: a new server would refuse it."""
    return any(_works_in(process, data) for process in Path("/proc").glob("[0-9]*"))


def _works_in(process: Path, folder: Path) -> bool:
    try:
        # by inode: the path is another one in the server's mount namespace
        return (process / "cwd").samefile(folder)
    except OSError:
        return False
