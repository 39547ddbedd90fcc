"""Starts throw-away PostgreSQL servers for tests and stops them by pid."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Self

import psycopg
import trustme
from psycopg import sql
from psycopg.conninfo import make_conninfo

from devstack import cache
from devstack.postgresql import server_programs

SUPERUSER = "postgres"
PASSWORD = "correct horse: battery \\ staple"
HOST = "localhost"


def bin_dir() -> Path:
    """Return the directory of the newest PostgreSQL server programs found here."""
    if override := os.environ.get("POSTGRES_BIN"):
        return Path(override)
    if initdb := shutil.which("initdb"):
        return Path(initdb).resolve().parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        msg = "no PostgreSQL server programs: install postgresql-15 or set POSTGRES_BIN"
        raise FileNotFoundError(msg)
    return found[-1].parent


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _as_server_user() -> list[str]:
    # PostgreSQL refuses to run as root.
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]


@dataclass(frozen=True)
class Database:
    """One database of a throw-away server."""

    server: Server
    name: str

    def connect(self, user: str = SUPERUSER) -> psycopg.Connection:
        """Open an autocommit connection."""
        return psycopg.connect(self.server.conninfo(self.name, user), autocommit=True)

    def execute(self, *statements: str) -> None:
        """Run statements as the superuser, each outside any transaction."""
        with self.connect() as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def value(self, query: str) -> Any:
        """Return the only column of the first row of a query."""
        with self.connect() as connection:
            row = connection.execute(query.encode()).fetchone()
        return row and row[0]

    def run(self, *command: str, user: str = SUPERUSER) -> subprocess.CompletedProcess[str]:
        """Run a libpq program with this database in its environment."""
        return subprocess.run(
            command,
            env=self.server.env(self.name, user),
            capture_output=True,
            text=True,
            check=False,
        )

    def schema_dump(self) -> str:
        """Return what pg_dump says about the schema, without its random \\restrict token."""
        dump = self.run("pg_dump", "--schema-only")
        assert dump.returncode == 0, dump.stderr
        lines = dump.stdout.splitlines()
        return "\n".join(x for x in lines if not x.startswith(("\\restrict", "\\unrestrict")))

    def drop(self) -> None:
        """Drop the database, whoever is connected to it."""
        self.server.execute(f"DROP DATABASE {self.name} WITH (FORCE)")


@dataclass
class Server:
    """A PostgreSQL server of its own: SCRAM logins only, TLS on request, no durability.

    Without a version it is the one that bin_dir() finds.
    """

    tls: bool = False
    settings: dict[str, str] = field(default_factory=dict)
    version: int | None = None
    port: int = field(default_factory=_free_port)
    root: Path = field(init=False)
    programs: Path = field(init=False)
    _process: subprocess.Popen[bytes] | None = None
    _names: count[int] = field(default_factory=count)

    def __enter__(self) -> Self:
        self.root = Path(tempfile.mkdtemp(prefix="checkpoint-pg-"))
        self._run_as_server = _as_server_user() if os.geteuid() == 0 else []
        self.programs = server_programs(self.version) if self.version else bin_dir()
        try:
            if os.geteuid() == 0 and self.programs.is_relative_to(cache.root()):
                # The user postgres cannot enter root's home.
                installation = self.programs.parent
                shutil.copytree(installation, self.root / "postgresql", symlinks=True)
                self.programs = self.root / "postgresql" / "bin"
            self._initdb()
            if self.tls:
                self._make_certificates()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)

    @property
    def ca_file(self) -> Path:
        """The certificate that clients must trust when TLS is on."""
        return self.root / "ca.crt"

    @property
    def _certificate(self) -> Path:
        return self.root / "server.pem"

    def conninfo(self, dbname: str = "postgres", user: str = SUPERUSER) -> str:
        """Return a libpq connection string with the password every test role has."""
        return make_conninfo(host=HOST, port=self.port, dbname=dbname, user=user, password=PASSWORD)

    def env(self, dbname: str = "postgres", user: str = SUPERUSER) -> dict[str, str]:
        """Return libpq's environment variables for a child process."""
        return {
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "PGHOST": HOST,
            "PGPORT": str(self.port),
            "PGDATABASE": dbname,
            "PGUSER": user,
            "PGPASSWORD": PASSWORD,
        }

    def execute(self, *statements: str) -> None:
        """Run statements as the superuser, each outside any transaction."""
        with psycopg.connect(self.conninfo(), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def create_database(self, template: str = "template1", options: str = "") -> Database:
        """Create a database under a new name from a template database."""
        name = f"test_{next(self._names)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} {options}")
        return Database(self, name)

    def create_role(self, options: str = "LOGIN") -> str:
        """Create a role under a new name and return that name."""
        name = f"role_{next(self._names)}"
        password = sql.Literal(PASSWORD).as_string()
        self.execute(f"CREATE ROLE {name} PASSWORD {password} {options}")
        return name

    def start(self) -> None:
        """Start the server process and wait until it accepts connections."""
        log = (self.root / "log").open("ab")
        self._process = subprocess.Popen(
            [*self._run_as_server, str(self.programs / "postgres"), "-D", str(self.root / "data")],
            # The server's user may not enter a folder of root's, such as the work tree.
            cwd=self.root,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        log.close()
        ready = [
            str(self.programs / "pg_isready"),
            "-q",
            "-t",
            "30",
            "-h",
            HOST,
            "-p",
            str(self.port),
        ]
        while subprocess.run(ready, check=False).returncode != 0:
            if self._process.poll() is not None:
                raise RuntimeError((self.root / "log").read_text())

    def stop(self) -> None:
        """End the server by its own pid; a server that is not running is left alone."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(timeout=30)
        self._process = None

    def _initdb(self) -> None:
        password_file = self.root / "password"
        password_file.write_text(PASSWORD + "\n")
        self._give_to_server(self.root, password_file)
        subprocess.run(
            [*self._run_as_server, str(self.programs / "initdb"), "--no-sync",
             "--auth=scram-sha-256", f"--username={SUPERUSER}", f"--pwfile={password_file}",
             "--encoding=UTF8", "--locale=C.UTF-8", f"--pgdata={self.root / 'data'}"],
            cwd=self.root, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        settings = {
            "port": str(self.port),
            "listen_addresses": "'127.0.0.1'",
            "unix_socket_directories": f"'{self.root}'",
            "fsync": "off",
            "shared_buffers": "16MB",
            "max_connections": "50",
            **self.settings,
        }
        if self.tls:
            settings |= {
                "ssl": "on",
                "ssl_cert_file": f"'{self._certificate}'",
                "ssl_key_file": f"'{self._certificate}'",
            }
        with (self.root / "data" / "postgresql.conf").open("a") as conf:
            conf.writelines(f"{name} = {value}\n" for name, value in settings.items())

    def _make_certificates(self) -> None:
        authority = trustme.CA()
        certificate = authority.issue_cert(HOST)
        authority.cert_pem.write_to_path(self.ca_file)
        certificate.private_key_and_cert_chain_pem.write_to_path(self._certificate)
        self._certificate.chmod(0o600)
        self._give_to_server(self._certificate)

    def _give_to_server(self, *paths: Path) -> None:
        if os.geteuid() == 0:
            entry = pwd.getpwnam("postgres")
            for path in paths:
                os.chown(path, entry.pw_uid, entry.pw_gid)
