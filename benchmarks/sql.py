"""The migration itself, without containers: psql and setup() against a fresh database."""

import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from langgraph.checkpoint.postgres.base import BasePostgresSaver

from benchmarks.commands import Run, run
from benchmarks.reference import PEERS
from benchmarks.rounds import Rounds, alternate
from benchmarks.rows import Row, against_each
from devstack.layout import ROOT

OURS, TEXTS, SETUP = "up file", "psql, ten texts", "setup() process"
UP_FILE = ROOT / "migrations" / "001_create_checkpointer_tables.up.sql"
DATABASE = "bench_sql"
GOALS = {TEXTS: 2.0}


@dataclass(frozen=True)
class Migration:
    """A first run on an empty database and a second one, which has nothing to do."""

    first: Run
    second: Run | None


def measure(environ: Mapping[str, str], rounds: Rounds) -> list[Row]:
    """Measure the up file beside LangGraph's own texts, run by psql and by setup()."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(langgraph_texts())
        file.flush()
        migrators = {
            OURS: ("psql", "--no-psqlrc", f"--file={UP_FILE}"),
            TEXTS: ("psql", "--no-psqlrc", "--quiet", f"--file={file.name}"),
            SETUP: (sys.executable, str(PEERS / "langgraph_setup.py")),
        }
        # The bare texts cannot be run a second time.
        sides = {
            name: _side(command, environ, repeatable=name != TEXTS)
            for name, command in migrators.items()
        }
        samples = alternate(sides, rounds.short)
    again = {name: [both.second for both in samples[name] if both.second] for name in (OURS, SETUP)}
    return [
        *against_each(
            *("sql", "ten steps, empty database", samples, lambda both: 1e3 * both.first.seconds),
            goals=GOALS,
            unit="ms",
        ),
        *against_each(
            *("sql", "of it, client CPU", samples, lambda both: 1e3 * both.first.cpu_seconds),
            goals={},
            unit="ms",
        ),
        *against_each(
            *("sql", "again, nothing to do", again, lambda run: 1e3 * run.seconds),
            goals={},
            unit="ms",
        ),
    ]


def langgraph_texts() -> str:
    """Return LangGraph's migrations as one script, each recorded as setup() records it."""
    lines = ["\\set ON_ERROR_STOP on"]
    for version, text in enumerate(BasePostgresSaver.MIGRATIONS):
        record = f"INSERT INTO checkpoint_migrations (v) VALUES ({version});"  # noqa: S608 -- a number
        lines += [f"{text.strip().rstrip(';')};", record]
    return "\n".join(lines) + "\n"


def _side(
    command: tuple[str, ...], environ: Mapping[str, str], *, repeatable: bool
) -> Callable[[], Migration]:
    def once() -> Migration:
        # The checkpoint keeps what one side wrote out of the next one's time.
        _psql(environ, f"CREATE DATABASE {DATABASE} TEMPLATE template0", "CHECKPOINT")
        own = {**environ, "PGDATABASE": DATABASE}
        try:
            first = run(*command, environ=own)
            return Migration(first, run(*command, environ=own) if repeatable else None)
        finally:
            _psql(environ, f"DROP DATABASE {DATABASE}")

    return once


def _psql(environ: Mapping[str, str], *statements: str) -> None:
    commands = [f"--command={statement}" for statement in statements]
    run("psql", "--no-psqlrc", "--quiet", *commands, environ=environ)
