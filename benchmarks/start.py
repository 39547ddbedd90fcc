"""The start of the embedded stack with everything built already."""

import os
import sys

from benchmarks.commands import Run, run
from benchmarks.rounds import Rounds, alternate
from benchmarks.rows import Row
from devstack import stack
from devstack.layout import ROOT

GOAL_SECONDS = 15.0


def measure(rounds: Rounds) -> list[Row]:
    """Measure `python3 -m devstack up` under a new name, which is removed each time."""
    name = f"bench-start-{os.getpid()}"

    def once() -> Run:
        try:
            return run(
                *(sys.executable, "-m", "devstack", "--name", name, "up"),
                environ={},
                folder=ROOT,
            )
        finally:
            stack.down(name, lambda _: None, purge=True)

    samples = alternate({"devstack up": once}, rounds.long)["devstack up"]
    seconds = [sample.seconds for sample in samples]
    what = "devstack up, cache filled"
    return [Row(benchmark="start", what=what, unit="s", ours=seconds, goal=GOAL_SECONDS)]
