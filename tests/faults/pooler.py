"""Starts PgBouncer in front of a throw-away server."""

import os
import pwd
import socket
import string
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import DEVNULL, Popen
from tempfile import TemporaryDirectory

from psycopg.conninfo import make_conninfo

from tests.faults.migrator import wait_until
from tests.support.ports import free_port
from tests.support.postgres import HOST, PASSWORD, SUPERUSER, Server

CONFIGURATION = Path(__file__).with_name("pgbouncer.ini")
# PgBouncer refuses to run as root, as PostgreSQL does.
AS_POSTGRES = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]


@contextmanager
def pgbouncer(
    server: Server, mode: str, pool_size: int = 5, role: str = SUPERUSER
) -> Iterator[int]:
    """Run PgBouncer with one of its pool modes for a role and return its port."""
    with TemporaryDirectory(prefix="checkpoint-pooler-") as folder:
        port = free_port()
        users = Path(folder, "users")
        users.write_text(f'"{role}" "{PASSWORD}"\n')
        configuration = Path(folder, "pgbouncer.ini")
        template = string.Template(CONFIGURATION.read_text())
        configuration.write_text(
            template.substitute(
                server_port=server.port, port=port, users=users, mode=mode, pool_size=pool_size
            )
        )
        as_postgres = AS_POSTGRES if os.geteuid() == 0 else []
        if as_postgres:
            owner = pwd.getpwnam("postgres")
            for path in (Path(folder), users, configuration):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        command = [*as_postgres, "pgbouncer", "--quiet", str(configuration)]
        with Popen(command, stdout=DEVNULL, stderr=DEVNULL) as process:
            try:
                wait_until(lambda: _accepts(port) or process.poll() is not None)
                yield port
            finally:
                process.kill()


def conninfo(port: int, dbname: str, role: str = SUPERUSER) -> str:
    """Return how an application connects through the pooler."""
    return make_conninfo(host=HOST, port=port, dbname=dbname, user=role, password=PASSWORD)


def _accepts(port: int) -> bool:
    with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False
