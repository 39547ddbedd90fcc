"""Tries each saver's migrations against this project's and drafts what is missing here."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.postgres import Server
from upstream import draft, wheels
from upstream.compare import Schema, difference, own_schema
from upstream.errors import UpstreamError
from upstream.statements import Statement, read


@dataclass(frozen=True)
class Finding:
    """One release that does not end in this project's schema."""

    release: str
    sentence: str
    statements: Sequence[Statement]


def watch(
    server: Server, paths: Iterable[Path], migrations: Path, say: Callable[[str], None]
) -> None:
    """Print one line a release; the last one that differs decides about the draft.

    Raises:
        UpstreamError: a release does not end in this project's schema.
    """
    own = own_schema(server, migrations)
    findings = [x for path in paths if (x := _try(server, path, own, migrations, say))]
    if findings:
        raise UpstreamError(_conclusion(findings[-1], migrations))


def _try(
    server: Server, wheel: Path, own: Schema, migrations: Path, say: Callable[[str], None]
) -> Finding | None:
    release, texts = wheels.version_of(wheel), wheels.texts(wheel)
    line = f"{release:<8} {len(texts):>2} texts, highest version {len(texts) - 1}"
    saver = f"{wheels.PACKAGE} {release}"
    if unknown := [read(v, text) for v, text in enumerate(texts) if v > own.version]:
        numbers = ", ".join(str(x.version) for x in unknown)
        say(f"{line}: {numbers} unknown to this project")
        sentence = f"expected {saver} to end at version {own.version}, found version {numbers} too"
        return Finding(release, sentence, unknown)
    lines = difference(server, texts, own, migrations)
    if not lines:
        say(f"{line}: equal")
        return None
    say("\n    ".join([f"{line}: different", *lines]))
    sentence = f"expected {saver} to end in this project's schema, found the differences above"
    return Finding(release, sentence, _changed(texts))


def _changed(texts: Sequence[str]) -> list[Statement]:
    pairs = enumerate(zip(texts, wheels.known_texts(), strict=False))
    return [read(v, now, changed=True) for v, (now, then) in pairs if now != then]


def _conclusion(finding: Finding, migrations: Path) -> str:
    if not finding.statements:
        return f"{finding.sentence}: correct the up files in {migrations}"
    try:
        names = [x.name for x in draft.write(migrations, finding.release, finding.statements)]
    except UpstreamError as error:
        return f"{finding.sentence}; {error}"
    return f"{finding.sentence}: finish the draft {', '.join(names)} in {migrations}"
