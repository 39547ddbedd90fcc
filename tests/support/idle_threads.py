"""Writes threads that have been idle for long, many times faster than a saver does."""

from pathlib import Path

from tests.support.postgres import Database

ROWS = Path(__file__).with_name("idle_threads.sql")


def fill(database: Database, threads: int, steps: int, *, writes: int = 4) -> None:
    """Write so many threads of so many checkpoints each."""
    values = {"threads": threads, "steps": steps, "writes": writes}
    variables = [f"--set={name}={value}" for name, value in values.items()]
    done = database.run("psql", "--no-psqlrc", "--quiet", *variables, f"--file={ROWS}")
    if done.returncode:
        raise RuntimeError(done.stderr)
