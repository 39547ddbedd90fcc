"""Writes the draft of the next migration from what is new upstream."""

import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from string import Template

from components.schema.files import MIGRATION_FILE, VERSION
from upstream.errors import UpstreamError
from upstream.statements import Statement

TEMPLATES = Path(__file__).with_name("templates")


class _SqlTemplate(Template):
    # psql's variables and quotes are full of colons and dollars.
    delimiter = "@"


def write(folder: Path, release: str, new: Sequence[Statement]) -> list[Path]:
    """Write up, down and verify under the next number, and their layout; return the paths.

    Raises:
        UpstreamError: an earlier draft of the same is there.
    """
    number, stem, before = _names(folder, new)
    layout = before_layout = _newest_layout(folder)
    # A known text that changed makes no new version.
    if new[-1].version > _version(layout):
        layout = folder / f"layout_{new[-1].version}.sql"
    values = {
        "release": release,
        "number": number,
        "before": before,
        "layout": layout.name,
        "versions": _versions(new),
        "steps": "\n".join(_step(x) for x in new).rstrip("\n"),
        "decisions": "".join(_decide(x) for x in new if not x.decided),
    }
    paths = [folder / f"{stem}.{part}.sql" for part in ("up", "down", "verify")]
    for path in paths:
        path.write_text(_fill(path.name.removeprefix(f"{stem}."), **values))
    if layout != before_layout:
        layout.write_text(_layout(before_layout.read_text(), release, new))
        paths.append(layout)
    return paths


def _names(folder: Path, new: Sequence[Statement]) -> tuple[str, str, str]:
    """Return the draft's number, the beginning of its files' names, and that of those before it."""
    slug = new[0].slug + ("_and_more" if len(new) > 1 else "")
    if earlier := sorted(folder.glob(f"[0-9][0-9][0-9]_{slug}.*.sql")):
        msg = (
            f"expected no draft yet, found {earlier[0]}: finish it, or remove its files and run "
            "this again"
        )
        raise UpstreamError(msg)
    before = max(x[0] for p in folder.iterdir() if (x := MIGRATION_FILE.fullmatch(p.name)))
    number = f"{int(before[:3]) + 1:03d}"
    return number, f"{number}_{slug}", before.partition(".")[0]


def _newest_layout(folder: Path) -> Path:
    return max(folder.glob("layout_*.sql"), key=_version)


def _version(layout: Path) -> int:
    return int(layout.stem.partition("_")[2])


def _layout(before: str, release: str, new: Sequence[Statement]) -> str:
    """Return the layout before it under the new version, which refuses until it is finished."""
    version = new[-1].version
    title, _, rest = before.partition("\n")
    title = re.sub(r"version \d+(.*-postgres) [^:]*", rf"version {version}\1 {release}", title)
    rows = "\n".join(f"--   {row}" for x in new for row in x.layout_rows) or "--   none"
    mark = _fill("layout_head.sql", rows=rows) + _decide(new[-1])
    return f"{title}\n" + VERSION.sub(lambda _: f"\\set version {version}\n{mark.rstrip()}", rest)


def _step(step: Statement) -> str:
    return _fill(
        f"{step.template}.sql",
        version=str(step.version),
        object=step.object,
        text=step.statement,
        concurrent=step.concurrent,
        changed=", changed since the release that this project was made for" * step.changed,
    )


def _decide(step: Statement) -> str:
    what = "changed" if step.changed else "new"
    return _fill("decide.sql", version=str(step.version), what=what)


def _versions(new: Sequence[Statement]) -> str:
    numbers = ", ".join(str(x.version) for x in new)
    return textwrap.shorten(numbers, 40, placeholder=", …")


def _fill(template: str, **values: str) -> str:
    return _SqlTemplate((TEMPLATES / template).read_text()).substitute(values)
