"""`python -m tests.support.build [--lanes]`: builds what tests start, before they start it.

A test that waited for a compiler would be measured with it, and its neighbours slowed down.
"""

import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from devstack import toolchain
from devstack.errors import StackError
from devstack.toolchain import golang, programs
from tests.support.deployers import GITOPS_ENGINE, HELM
from tests.support.languages import GO_EXAMPLE, YAML_HOST, node_modules
from tests.support.monitoring import CLOUDNATIVE_PG, PROMTOOL

LANES = (
    programs.RCLONE,
    programs.S3_SERVER,
    PROMTOOL,
    CLOUDNATIVE_PG,
    HELM,
    GITOPS_ENGINE,
    YAML_HOST,
    GO_EXAMPLE,
)


def main(*, lanes: bool) -> int:
    """Build the stack's tools, and beside them those that only the tests marked `lane` need."""
    began = time.monotonic()

    def report(text: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {text}\n", end="", flush=True)

    def build_lanes() -> None:
        for program in LANES:
            golang.build(program, report)
        node_modules()

    # A link uses one core, so two builds share two cores better than one after the other.
    with ThreadPoolExecutor(max_workers=2) as pool:
        works: list[Future[Any]] = [pool.submit(toolchain.ensure, report)]
        if lanes:
            works.append(pool.submit(build_lanes))
    try:
        for work in works:
            work.result()
    except StackError as error:
        print(f"build: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(lanes="--lanes" in sys.argv))
