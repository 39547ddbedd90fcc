"""Compares the rows that a saver writes with those of the newest recorded release."""

import difflib
import re
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from packaging.version import Version

from tests.support.postgres import Server
from upstream.errors import UpstreamError
from upstream.record import FIXTURES, WRITERS, dump, run_writer
from upstream.releases import Release, releases

_TABLE = re.compile(
    r"^COPY (?P<name>\S+) \((?P<columns>.*?)\) FROM stdin;\n(?P<rows>.*?)^\\\.$",
    re.MULTILINE | re.DOTALL,
)


def newest_recorded() -> Release:
    """Return the newest Python release whose rows tests/fixtures/savers holds."""
    listed = [release for release in releases() if release.language == "python"]
    return max(listed, key=lambda release: Version(release.version))


def is_newer(version: str) -> bool:
    """Tell whether nobody has looked at this release's rows yet."""
    return Version(version) > Version(newest_recorded().version)


def difference(server: Server, wheel: Path | None = None) -> list[str]:
    """Return how a wheel's rows differ from the newest recorded ones; nothing when equal.

    Without a wheel they are those of the release that this project is pinned to.

    Raises:
        UpstreamError: the saver cannot write beside the packages that this project is pinned to.
    """
    recorded = newest_recorded()
    text = (FIXTURES / recorded.fixture).read_text()
    columns = {table["name"]: table["columns"].split(", ") for table in _TABLE.finditer(text)}
    del columns["public.checkpoint_migrations"]
    return list(
        difflib.unified_diff(
            list(_rows(text, columns)),
            list(_rows(_written(server, wheel), columns)),
            recorded.fixture,
            _name(wheel),
            lineterm="",
        )
    )


def _written(server: Server, wheel: Path | None) -> str:
    database = server.create_database()
    try:
        with tempfile.TemporaryDirectory() as unpacked:
            if wheel:
                # Python finds no namespace package inside a zip that has no entries of folders.
                zipfile.ZipFile(wheel).extractall(unpacked)
            # What else the saver needs is this environment's.
            environ = {"PYTHONPATH": unpacked}
            run_writer(database, [sys.executable, str(WRITERS / "saver.py")], environ, WRITERS)
        return dump(database)
    except UpstreamError as error:
        msg = (
            f"expected {_name(wheel)} to write beside the packages that this project is pinned to, "
            f"found that it cannot ({error}): renew them with make lock and run this again"
        )
        raise UpstreamError(msg) from error
    finally:
        database.drop()


def _rows(text: str, columns: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield the rows as far as the columns go: the schema is compared elsewhere."""
    found = {table["name"]: table for table in _TABLE.finditer(text)}
    for name, wanted in columns.items():
        yield name
        names = found[name]["columns"].split(", ")
        for row in found[name]["rows"].splitlines():
            values = dict(zip(names, row.split("\t"), strict=True))
            yield "\t".join(values.get(column, "no column") for column in wanted)


def _name(wheel: Path | None) -> str:
    return wheel.name if wheel else "the installed release"
