"""The states of LangGraph's tables that a migration may meet, as released savers left them."""

from dataclasses import dataclass, replace
from pathlib import Path

from langgraph.checkpoint.postgres import PostgresSaver

from tests.support.postgres import Database

SAVERS = Path(__file__).parents[1] / "fixtures" / "savers"
OLDEST, NEWEST = "python-1.0.1", "python-3.2.0"
TEXTS = PostgresSaver.MIGRATIONS
TABLES = ("checkpoint_migrations", "checkpoints", "checkpoint_blobs", "checkpoint_writes")
INDEXES = tuple(f"{table}_thread_id_idx" for table in TABLES[1:])


@dataclass(frozen=True)
class Ancestor:
    """What a released saver made, and what happened to its tables since."""

    saver: str | None = None
    changes: tuple[str, ...] = ()
    rows: bool = True

    def load(self, database: Database) -> None:
        """Put this state in the place of the one that the database holds."""
        steps = [f"--command=DROP TABLE IF EXISTS {', '.join(TABLES)}"]
        if self.saver:
            # A dump empties search_path.
            steps += [f"--file={SAVERS / self.saver}.sql", "--command=RESET search_path"]
            if not self.rows:
                steps.append(f"--command=TRUNCATE {', '.join(TABLES[1:])}")
        steps += [f"--command={change}" for change in self.changes]
        loaded = database.run("psql", "-X", "-q", "-o/dev/null", "-vON_ERROR_STOP=1", *steps)
        assert loaded.returncode == 0, loaded.stderr


def _used_and_unused(states: dict[str, Ancestor]) -> dict[str, Ancestor]:
    unused = {f"{name}, no rows": replace(state, rows=False) for name, state in states.items()}
    return states | unused


def _half_applied(step: int, *, recorded: bool) -> Ancestor:
    """Return what a setup() leaves that is killed after a text or after its version row."""
    highest = step if recorded else step - 1
    return Ancestor(
        OLDEST,
        (
            *(f"DROP TABLE {table}" for table in TABLES[step + 1 :]),
            *TEXTS[4 : step + 1],
            "DELETE FROM checkpoint_migrations",
            f"INSERT INTO checkpoint_migrations SELECT generate_series(0, {highest})",
        ),
    )


def _invalid(index: str, *, ready: bool) -> Ancestor:
    mark = f"UPDATE pg_index SET indisvalid = false, indisready = {ready}"
    return Ancestor(NEWEST, (f"{mark} WHERE indexrelid = '{index}'::regclass",))


def _without_versions(condition: str) -> Ancestor:
    return Ancestor(NEWEST, (f"DELETE FROM checkpoint_migrations WHERE {condition}",))


EMPTY = {"empty": Ancestor()}
RELEASED = {file.stem: Ancestor(file.stem) for file in sorted(SAVERS.glob("*.sql"))}
GAPS = {
    f"without version rows {condition}": _without_versions(condition)
    for condition in ("v IN (4, 5)", "v = 0", "v < 9", "true")
}
MISSING_INDEXES = {
    **{f"without {index}": Ancestor(NEWEST, (f"DROP INDEX {index}",)) for index in INDEXES},
    "without any index": Ancestor(NEWEST, (f"DROP INDEX {', '.join(INDEXES)}",)),
}
INVALID_INDEXES = {
    f"{index} invalid, {'ready' if ready else 'not ready'}": _invalid(index, ready=ready)
    for index in INDEXES
    for ready in (False, True)
}
KILLED_BEFORE_ROW, KILLED_AFTER_ROW = (
    {
        f"half-applied at {step}, {'with' if recorded else 'before'} its row": _half_applied(
            step, recorded=recorded
        )
        for step in range(10)
    }
    for recorded in (False, True)
)
# One of each kind, where the whole product is too long.
TYPICAL = EMPTY | RELEASED | GAPS | MISSING_INDEXES | INVALID_INDEXES | KILLED_BEFORE_ROW
ANCESTORS = (
    EMPTY
    | RELEASED
    | GAPS
    | _used_and_unused(MISSING_INDEXES)
    | _used_and_unused(INVALID_INDEXES)
    | _used_and_unused(KILLED_BEFORE_ROW)
    | _used_and_unused(KILLED_AFTER_ROW)
)
