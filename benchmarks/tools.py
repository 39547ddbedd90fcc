"""The migration tools that run beside ours: built or installed once, outside the work tree."""

import functools
import re
import shutil
import sys
from pathlib import Path

from benchmarks.commands import run
from benchmarks.reference import PEERS
from benchmarks.rounds import progress
from devstack import cache
from devstack.layout import ROOT
from devstack.toolchain import golang

JAVA = PEERS / "java"
JAVA_COMMANDS = ("java", "javac", "mvn")
COPY_JARS = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
REQUIREMENTS = ROOT / "requirements-bench.txt"

GOLANG_MIGRATE = golang.Program(
    name="migrate",
    module=str(PEERS / "golang-migrate"),
    title="golang-migrate",
    package="github.com/golang-migrate/migrate/v4/cmd/migrate",
    tags="postgres",
)
DBMATE = golang.Program(
    name="dbmate",
    module=str(PEERS / "dbmate"),
    title="dbmate",
    package="github.com/amacneil/dbmate/v2",
)


def go_program(program: golang.Program) -> Path:
    """Return a tool written in Go, built from its pinned module."""
    return golang.build(program, progress)


def alembic() -> Path:
    """Return a folder for PYTHONPATH with Alembic and what it needs beyond our environment."""

    def fill(scratch: Path) -> None:
        progress("installing Alembic …")
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps")
        run(*pip, "--target", scratch, "--requirement", REQUIREMENTS, environ={})

    name = f"bench-python-{cache.digest([REQUIREMENTS.read_bytes(), sys.version])}"
    return cache.folder(name, fill, functools.partial(_wait_for, "Alembic"))


def versions() -> dict[str, str]:
    """Return the pinned releases."""
    jars = (JAVA / "SHA256SUMS").read_text()
    go_modules = {
        "golang-migrate": (GOLANG_MIGRATE, "github.com/golang-migrate/migrate/v4"),
        "dbmate": (DBMATE, "github.com/amacneil/dbmate/v2"),
    }
    return {
        **{
            name: golang.required_version(program.module, path).removeprefix("v")
            for name, (program, path) in go_modules.items()
        },
        "Alembic": _pinned(REQUIREMENTS.read_text(), r"^alembic==(\S+)"),
        "Flyway": _pinned(jars, r"flyway-core-(\S+)\.jar"),
        "Liquibase": _pinned(jars, r"liquibase-core-(\S+)\.jar"),
    }


def missing_java() -> str:
    """Return what keeps the tools written in Java from running here; usually nothing."""
    missing = [command for command in JAVA_COMMANDS if shutil.which(command) is None]
    return f"no {', '.join(missing)} on PATH" if missing else ""


def java_tools() -> Path:
    """Return a folder with Flyway and Liquibase in `lib` and our calls of them in `classes`."""
    sources = sorted(JAVA.iterdir())

    def fill(scratch: Path) -> None:
        progress("downloading Flyway and Liquibase …")
        run(
            *("mvn", "--quiet", "--batch-mode", f"--file={JAVA / 'pom.xml'}", COPY_JARS),
            *("-DincludeScope=runtime", f"-DoutputDirectory={scratch / 'lib'}"),
            environ={},
        )
        run("sha256sum", "--check", "--strict", JAVA / "SHA256SUMS", environ={}, folder=scratch)
        classes, jars = scratch / "classes", scratch / "lib" / "*"
        run("javac", "-cp", jars, "-d", classes, *JAVA.glob("*.java"), environ={})

    contents = [part for file in sources for part in (file.name, file.read_bytes())]
    name = f"bench-java-{cache.digest(contents)}"
    return cache.folder(name, fill, functools.partial(_wait_for, "Flyway and Liquibase"))


def _pinned(text: str, pattern: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    return found[1] if found else "unknown"


def _wait_for(what: str) -> None:
    progress(f"waiting for another process to install {what}")
