"""Records what each listed saver's own setup() and put() make, as SQL files for the tests."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from devstack import cache
from tests.support.postgres import Database, Server
from upstream.errors import UpstreamError
from upstream.releases import Release, releases

FIXTURES = Path(__file__).parent.parent / "tests" / "fixtures" / "savers"
WRITERS = Path(__file__).with_name("writers")
PACKAGES = {
    "python": ("langgraph-checkpoint-postgres", "langgraph-checkpoint"),
    "javascript": ("@langchain/langgraph-checkpoint-postgres", "@langchain/langgraph-checkpoint"),
}


def record(say: Callable[[str], None]) -> None:
    """Write the fixture of every listed release anew."""
    with Server(version=15) as server:
        for release in releases():
            database = server.create_database()
            _write_rows(database, release, say)
            (FIXTURES / release.fixture).write_text(_header(release) + dump(database))
            say(f"recorded {release.fixture}")


def dump(database: Database) -> str:
    """Return schema and rows as plain SQL, without what differs from run to run."""
    result = _checked(database.run("pg_dump", "--no-owner", "--no-privileges"))
    dropped = ("--", "\\restrict", "\\unrestrict")
    lines = [x for x in result.stdout.splitlines() if x and not x.startswith(dropped)]
    return "\n".join(lines) + "\n"


def _header(release: Release) -> str:
    package, core = PACKAGES[release.language]
    return (
        f"-- Made by {package} {release.version} with {core} {release.core};\n"
        "-- recorded by `python -m upstream record`, every byte of it the same each time.\n"
    )


def _write_rows(database: Database, release: Release, say: Callable[[str], None]) -> None:
    script = WRITERS / {"python": "saver.py", "javascript": "saver.mjs"}[release.language]
    command, environ, folder = installed(release, say)
    run_writer(database, [*command, str(script)], environ, folder)


def installed(
    release: Release, say: Callable[[str], None]
) -> tuple[list[str], dict[str, str], Path]:
    """Install a saver once; return what starts a script with it, its environment and its folder."""
    install, command, variable = {
        # -S: nothing of this project's own Python environment may answer an import.
        "python": (_pip_install, [sys.executable, "-S"], "PYTHONPATH"),
        "javascript": (_npm_install, ["node"], "NODE_PATH"),
    }[release.language]
    name = f"saver-{release.language}-{release.version}-{release.core}"
    folder = cache.folder(
        name, lambda scratch: install(release, scratch), lambda: say(f"waiting for {name}")
    )
    return command, {variable: str(folder)}, folder


def run_writer(
    database: Database, command: Sequence[str], environ: dict[str, str], folder: Path
) -> None:
    """Let a saver make its tables in a database and write the threads into them.

    Raises:
        UpstreamError: it did not.
    """
    environ = database.server.env(database.name) | environ
    _checked(
        subprocess.run(
            command, cwd=folder, env=environ, capture_output=True, text=True, check=False
        )
    )


def _requirements(release: Release, separator: str) -> list[str]:
    package, core = PACKAGES[release.language]
    return [f"{package}{separator}{release.version}", f"{core}{separator}{release.core}"]


def _pip_install(release: Release, folder: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    options = ["--quiet", "--python", sys.executable, "--target", folder]
    _run(uv, "pip", "install", *options, *_requirements(release, "=="), "psycopg[binary]")


def _npm_install(release: Release, folder: Path) -> None:
    options = ["--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund"]
    _run("npm", "install", *options, *_requirements(release, "@"))


def _run(*command: str | Path) -> None:
    try:
        _checked(subprocess.run(command, capture_output=True, text=True, check=False))
    except FileNotFoundError as error:
        msg = f"expected {command[0]} on this machine, found none: install it and record again"
        raise UpstreamError(msg) from error


def _checked(result: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    if result.returncode:
        last = (result.stderr.strip() or result.stdout.strip() or "no message").splitlines()[-1]
        msg = f"expected {result.args[0]} to succeed, found status {result.returncode}: {last}"
        raise UpstreamError(msg)
    return result
