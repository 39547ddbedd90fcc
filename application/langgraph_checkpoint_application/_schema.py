"""What has to be true of the tables before a saver may use them."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from typing import Any

from langgraph.checkpoint.postgres.base import BasePostgresSaver

# A query of one value, and what raises over an answer that will not do.
Check = tuple[str, Callable[[Any], None]]

# The last of LangGraph's migrations whose effect the query looks for.
KNOWN = 9
# In the catalog, since `checkpoint_migrations` is not the application's to read.
MISSING = """
    SELECT string_agg(what, ', ')
    FROM (VALUES
        ('checkpoints', 'checkpoint', NULL),
        ('checkpoint_blobs', 'blob', false),
        ('checkpoint_writes', 'task_path', true)
    ) AS wanted (tbl, col, required)
    CROSS JOIN LATERAL (VALUES (format('%I.%I', tbl, col))) AS named (what)
    WHERE NOT EXISTS (
        SELECT FROM pg_attribute
        WHERE attrelid = to_regclass(tbl) AND attname = col AND NOT attisdropped
            AND attnotnull = coalesce(required, attnotnull)
            AND has_table_privilege(attrelid, 'SELECT')
            AND has_table_privilege(attrelid, 'INSERT')
    )
"""
SAVER = "langgraph-checkpoint-postgres"
# From this release on a checkpoint's JSON holds the state's str, int, float, bool and None values;
# savers before it take that key out, and neither read nor keep what stands there.
INLINE = (2, 0, 23)
INLINED = "SELECT EXISTS (SELECT FROM checkpoints WHERE checkpoint ? 'channel_values')"


class SchemaError(RuntimeError):
    """The tables and this application's saver do not fit: expected, found, what to do next."""


def checks(saver: type[BasePostgresSaver]) -> Iterator[Check]:
    """Yield what to ask the database before `saver` is used, each after the one before passed."""
    yield MISSING, partial(_refuse_missing, len(saver.MIGRATIONS) - 1)
    installed = version(SAVER)
    # Whoever asks reads the table up to the first such row, so a newer saver does not.
    if _numbers(installed) < INLINE:
        yield INLINED, partial(_refuse_inlined, installed)


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", release)[:3])


def _refuse_missing(wanted: int, missing: str | None) -> None:
    if wanted > KNOWN or missing:
        found = f"without {missing}" if missing else f"a check that knows {KNOWN}"
        msg = (
            f"expected the checkpoint tables at version {wanted}, found {found}: "
            "run pulumi up --replace '**-migration-job' with the storage's release for this "
            "library before it starts"
        )
        raise SchemaError(msg)


def _refuse_inlined(installed: str, inlined: bool) -> None:
    if inlined:
        first = ".".join(map(str, INLINE))
        msg = (
            f"expected checkpoints of {SAVER} {installed}, found ones of {first} or newer, whose "
            "plain values it would lose: start with the release that wrote them or a newer one"
        )
        raise SchemaError(msg)
