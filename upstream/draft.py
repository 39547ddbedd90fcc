"""Writes the draft of the next migration from what is new upstream."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from string import Template

from components.schema.files import MIGRATION_FILE
from upstream.errors import UpstreamError
from upstream.statements import Statement

TEMPLATES = Path(__file__).with_name("templates")


class _SqlTemplate(Template):
    # psql's variables and quotes are full of colons and dollars.
    delimiter = "@"


def write(folder: Path, release: str, new: Sequence[Statement]) -> list[Path]:
    """Write up, down and verify under the next number and return their paths.

    Raises:
        UpstreamError: an earlier draft of the same is there.
    """
    stem = _stem(folder, new)
    values = {
        "release": release,
        "before": str(min(x.version for x in new) - 1),
        "versions": _versions(new),
        "steps": "\n".join(_up(x) for x in new),
        "reversed": "\n".join(_down(x) for x in reversed(new)),
        "tables": ", ".join(f"'{x.made[1]}'" for x in new if x.made and x.made[1]),
        "expected": ",\n    ".join(f"('{a}', '{b}', '{c}')" for a, b, c in _expected(new)),
        "decisions": "".join(_decide(x) for x in new if not x.decided),
    }
    paths: list[Path] = []
    for part in ("up", "down", "verify"):
        path = folder / f"{stem}.{part}.sql"
        path.write_text(_fill(f"{part}.sql", **values))
        paths.append(path)
    return paths


def _stem(folder: Path, new: Sequence[Statement]) -> str:
    slug = new[0].slug + ("_and_more" if len(new) > 1 else "")
    if earlier := sorted(folder.glob(f"[0-9][0-9][0-9]_{slug}.*.sql")):
        msg = (
            f"expected no draft yet, found {earlier[0]}: finish it, or remove its files and run "
            "this again"
        )
        raise UpstreamError(msg)
    numbers = [int(x[1]) for p in folder.iterdir() if (x := MIGRATION_FILE.fullmatch(p.name))]
    return f"{max(numbers, default=0) + 1:03d}_{slug}"


def _up(step: Statement) -> str:
    text = step.text.strip()
    return _fill(
        "changed_step.sql" if step.changed else "up_step.sql",
        version=str(step.version),
        text=text if not text or text.endswith(";") else f"{text};",
        lock_timeout="0" if step.concurrent else "50ms",
        decision=_decide(step),
    )


def _down(step: Statement) -> str:
    undo = step.undo if step.decided else _decide(step)
    return _fill("down_step.sql", version=str(step.version), undo=(undo or "").rstrip("\n"))


def _decide(step: Statement) -> str:
    what = "changed" if step.changed else "new"
    return _fill("decide.sql", version=str(step.version), what=what)


def _expected(new: Sequence[Statement]) -> list[tuple[str, str, str]]:
    rows = [("version", "checkpoint_migrations", str(x.version)) for x in new]
    return rows + [x.made for x in new if x.made]


def _versions(new: Sequence[Statement]) -> str:
    numbers = ", ".join(str(x.version) for x in new)
    return textwrap.shorten(numbers, 40, placeholder=", …")


def _fill(template: str, **values: str) -> str:
    return _SqlTemplate((TEMPLATES / template).read_text()).substitute(values)
