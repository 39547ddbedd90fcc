"""How each side of a comparison brings a database to LangGraph's newest version."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from benchmarks import texts, tools
from benchmarks.commands import Run, run
from benchmarks.reference import PEERS
from benchmarks.rounds import progress
from components.schema.files import load_migrations, load_scripts
from devstack.layout import ROOT
from devstack.toolchain.images import BUSYBOX

OURS, UP_FILE, TEXTS, SETUP = "migrate.sh", "up file", "psql, ten texts", "setup() process"
GOLANG_MIGRATE, DBMATE, ALEMBIC = "golang-migrate", "dbmate", "Alembic"
FLYWAY, LIQUIBASE = "Flyway", "Liquibase"

# What makes a short-lived JVM start fast: no optimising compiler, no parallel collector.
JVM = ("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")

Variables = Mapping[str, str]
"""libpq's variables of one database."""


@dataclass(frozen=True)
class Migrator:
    """One tool with its own form of the migrations."""

    name: str
    command: Callable[[Variables], tuple[str | Path, ...]]
    environ: Callable[[Variables], Variables] = lambda database: database
    repeatable: bool = True
    """Whether a second run is meant to find nothing to do; bare texts are not."""

    def run(self, database: Variables) -> Run:
        """Migrate a database in a process of its own."""
        return run(*self.command(database), environ=self.environ(database))


def ours(scratch: Path) -> Migrator:
    """Return migrate.sh as its container runs it: busybox's shell, libpq's files, one folder."""
    files, credentials, programs = (scratch / name for name in ("files", "credentials", "bin"))
    for folder in (files, credentials, programs):
        folder.mkdir()
    for name, content in {**load_migrations(), **load_scripts()}.items():
        (files / name).write_text(content)
    run(BUSYBOX, "--install", "-s", programs, environ={})

    def environ(database: Variables) -> Variables:
        _write_credentials(credentials, database)
        return {
            "PATH": f"{programs}:{database['PATH']}",
            "CREDENTIALS_DIR": str(credentials),
            "MIGRATIONS_DIR": str(files),
            "TERMINATION_LOG": str(scratch / "termination-log"),
            "TMPDIR": str(scratch),
            "PGSSLMODE": database["PGSSLMODE"],
            "DEADLINE_SECONDS": "3600",
        }

    return Migrator(OURS, lambda _: (programs / "sh", files / "migrate.sh", "up"), environ)


def up_file() -> Migrator:
    """Return the up file run by psql alone, as somebody without a cluster would."""
    path = max((ROOT / "migrations").glob("[0-9][0-9][0-9]_*.up.sql"))
    return Migrator(UP_FILE, lambda _: ("psql", "--no-psqlrc", f"--file={path}"))


def ten_texts(scratch: Path) -> Migrator:
    """Return psql with LangGraph's texts, which is the floor: no look, no lock, no retry."""
    path = texts.for_psql(scratch / "texts.sql")
    command = ("psql", "--no-psqlrc", "--quiet", f"--file={path}")
    return Migrator(TEXTS, lambda _: command, repeatable=False)


def setup() -> Migrator:
    """Return LangGraph's own migration as an application runs it when it starts."""
    return Migrator(SETUP, lambda _: (sys.executable, PEERS / "langgraph_setup.py"))


def golang_migrate(scratch: Path) -> Migrator:
    """Return golang-migrate."""
    program = tools.go_program(tools.GOLANG_MIGRATE)
    folder = texts.for_golang_migrate(scratch / "golang-migrate")
    return Migrator(
        GOLANG_MIGRATE,
        lambda database: (program, "-path", folder, "-database", _url(database), "up"),
    )


def dbmate(scratch: Path) -> Migrator:
    """Return dbmate."""
    program = tools.go_program(tools.DBMATE)
    folder = texts.for_dbmate(scratch / "dbmate")
    return Migrator(
        DBMATE,
        lambda _: (program, "--no-dump-schema", "--migrations-dir", folder, "migrate"),
        lambda database: {"DATABASE_URL": _url(database)},
    )


def alembic(scratch: Path) -> Migrator:
    """Return Alembic on psycopg."""
    packages = tools.alembic()
    folder = texts.for_alembic(scratch / "alembic")
    command = (
        sys.executable,
        "-m",
        "alembic",
        "--config",
        folder / "alembic.ini",
        "upgrade",
        "head",
    )
    return Migrator(
        ALEMBIC, lambda _: command, lambda database: {**database, "PYTHONPATH": str(packages)}
    )


def java(scratch: Path) -> list[Migrator]:
    """Return Flyway and Liquibase, or none of them and say why."""
    if missing := tools.missing_java():
        progress(f"{FLYWAY} and {LIQUIBASE} are left out: {missing}")
        return []
    folder = tools.java_tools()
    class_path = f"{folder}/classes:{folder}/lib/*"
    flyway = texts.for_flyway(scratch / "flyway")
    liquibase = texts.for_liquibase(scratch / "liquibase")
    quiet = "-Dliquibase.analytics.enabled=false"
    return [
        Migrator(FLYWAY, lambda _: (*JVM, "-cp", class_path, "FlywayMigrate", flyway), _jdbc),
        Migrator(
            LIQUIBASE,
            lambda _: (*JVM, quiet, "-cp", class_path, "LiquibaseMigrate", liquibase),
            _jdbc,
        ),
    ]


def _write_credentials(folder: Path, database: Variables) -> None:
    """Write the two files that vault-init.sh leaves."""
    service = {"host": "PGHOST", "port": "PGPORT", "dbname": "PGDATABASE", "user": "PGUSER"}
    lines = [f"{key}={database[variable]}" for key, variable in service.items()]
    (folder / "pg_service.conf").write_text("\n".join(["[checkpoint]", *lines, ""]))
    password = database["PGPASSWORD"].replace("\\", "\\\\").replace(":", "\\:")
    pgpass = folder / "pgpass"
    pgpass.touch(mode=0o600)
    pgpass.write_text(f"*:*:*:*:{password}\n")


def _url(database: Variables) -> str:
    user, password = (quote(database[name], safe="") for name in ("PGUSER", "PGPASSWORD"))
    address = "{PGHOST}:{PGPORT}/{PGDATABASE}?sslmode={PGSSLMODE}".format_map(database)
    return f"postgres://{user}:{password}@{address}"


def _jdbc(database: Variables) -> Variables:
    address = "{PGHOST}:{PGPORT}/{PGDATABASE}?sslmode={PGSSLMODE}".format_map(database)
    return {**database, "JDBC_URL": f"jdbc:postgresql://{address}"}
