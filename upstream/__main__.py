"""Compares this project's schema with released savers', or records the savers for the tests."""

import argparse
import sys
from pathlib import Path

from components.schema.files import MIGRATIONS
from tests.support.postgres import Server
from upstream import wheels
from upstream.errors import UpstreamError
from upstream.record import record
from upstream.releases import releases
from upstream.watch import watch


def main() -> int:
    """Do what was asked for; 1 when upstream brought something new."""
    options = _parser().parse_args()
    try:
        if options.releases == ["record"]:
            record(print)
        else:
            paths = _wheels(options.releases)
            with Server() as server:
                watch(server, paths, options.migrations, print)
    except UpstreamError as error:
        print(f"upstream: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m upstream", description=__doc__)
    parser.add_argument(
        "releases",
        nargs="*",
        metavar="VERSION | WHEEL | record",
        help="released versions, which the newest is added to, or wheel files alone; without any "
        "all of releases.toml and the newest; `record` renews tests/fixtures/savers",
    )
    parser.add_argument("--migrations", type=Path, default=MIGRATIONS, help="folder of the SQL")
    return parser


def _wheels(asked: list[str]) -> list[Path]:
    listed = [release.version for release in releases() if release.language == "python"]
    paths = [Path(x) if x.endswith(".whl") else wheels.released(x) for x in asked or listed]
    # Wheel files alone need no package index.
    if not asked or not all(x.endswith(".whl") for x in asked):
        newest = wheels.newest()
        paths += [newest] if newest not in paths else []
    return paths


if __name__ == "__main__":
    sys.exit(main())
