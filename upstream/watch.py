"""Tries each saver's migrations against this project's and drafts what is missing here."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.postgres import Server
from upstream import draft, rows, wheels
from upstream.compare import Schema, difference, own_schema
from upstream.errors import UpstreamError
from upstream.statements import Statement, read


@dataclass(frozen=True)
class Finding:
    """One release that brought something new."""

    release: str
    sentence: str
    statements: Sequence[Statement]
    cure: str | None = None


def watch(
    server: Server, paths: Iterable[Path], migrations: Path, say: Callable[[str], None]
) -> None:
    """Print one line a release; the last one that differs decides about the draft.

    Raises:
        UpstreamError: a release does not end in this project's schema, or writes other rows.
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
    if lines := difference(server, texts, own, migrations):
        say("\n    ".join([f"{line}: different", *lines]))
        sentence = f"expected {saver} to end in this project's schema, found the differences above"
        return Finding(release, sentence, _changed(texts))
    if rows.is_newer(release) and (lines := rows.difference(server, wheel)):
        say("\n    ".join([f"{line}: equal, but not its rows", *lines]))
        return _other_rows(release, saver)
    say(f"{line}: equal")
    return None


def _other_rows(release: str, saver: str) -> Finding:
    known = rows.newest_recorded().version
    sentence = (
        f"expected {saver} to write the rows that {known} writes, found the differences above"
    )
    cure = (
        f"decide whether {known} may read them, say so in docs/application.md, and record "
        f"{release} in upstream/releases.toml"
    )
    return Finding(release, sentence, [], cure)


def _changed(texts: Sequence[str]) -> list[Statement]:
    pairs = enumerate(zip(texts, wheels.known_texts(), strict=False))
    return [read(v, now, changed=True) for v, (now, then) in pairs if now != then]


def _conclusion(finding: Finding, migrations: Path) -> str:
    if not finding.statements:
        return f"{finding.sentence}: {finding.cure or f'correct the up files in {migrations}'}"
    try:
        names = [x.name for x in draft.write(migrations, finding.release, finding.statements)]
    except UpstreamError as error:
        return f"{finding.sentence}; {error}"
    return f"{finding.sentence}: finish the draft {', '.join(names)} in {migrations}"
