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
# The rights are those of the saver's statements: checkpoints and writes are upserted, a blob never
# changes, and `delete_thread` and `prune` delete.
MISSING = """
    SELECT string_agg(what, ', ')
    FROM (VALUES
        ('checkpoints', 'checkpoint', NULL, '{SELECT,INSERT,UPDATE,DELETE}'::text[]),
        ('checkpoint_blobs', 'blob', false, '{SELECT,INSERT,DELETE}'),
        ('checkpoint_writes', 'task_path', true, '{SELECT,INSERT,UPDATE,DELETE}')
    ) AS wanted (tbl, col, required, rights)
    CROSS JOIN LATERAL (
        SELECT format('%I.%I', tbl, col)
        WHERE NOT EXISTS (
            SELECT FROM pg_attribute
            WHERE attrelid = to_regclass(tbl) AND attname = col AND NOT attisdropped
                AND attnotnull = coalesce(required, attnotnull)
        )
        UNION ALL
        SELECT format('%s on %I', needed, tbl) FROM unnest(rights) AS needed
        WHERE NOT has_table_privilege(to_regclass(tbl), needed)
    ) AS missing (what)
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
