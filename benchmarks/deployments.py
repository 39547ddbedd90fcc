"""`pulumi up` from nothing to verified and with nothing to do, beside its peers."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import reference
from benchmarks.programs import Program, other_program, our_program
from benchmarks.rounds import Rounds, alternate, progress
from benchmarks.rows import Row, against_each

MEGABYTE = 1_000_000
NOT_SLOWER = {"*": 1.0}


@dataclass(frozen=True)
class Sides:
    """What is compared on one stack; nothing of it is up."""

    ours: Program
    reference: reference.Reference
    other: Program | None

    @property
    def programs(self) -> list[Program]:
        """Return the Pulumi programs, ours first."""
        return [self.ours, self.other] if self.other else [self.ours]


@contextmanager
def sides(environ: Mapping[str, str], peer: Path | None) -> Iterator[Sides]:
    """Prepare everything that is compared, in folders that go away with the block."""
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        folder = Path(scratch)
        ours, deployment = our_program(folder / "ours", environ)
        progress("deploying once, to learn what the reference must deploy")
        ours.up()
        state = deployment.pulumi("stack", "export", "--show-secrets", "--stack", ours.stack)
        rendered = reference.render(state.expect().text, folder / "reference", environ)
        ours.destroy()
        other = other_program(peer, folder / "other", environ) if peer else None
        yield Sides(ours, rendered, other)


def measure_up(compared: Sides, rounds: Rounds) -> list[Row]:
    """Measure wall time, CPU time and memory from an empty environment to a verified one."""
    runs = {program.name: program.up_from_nothing for program in compared.programs}
    runs[reference.NAME] = compared.reference.up_from_nothing
    samples = alternate(runs, rounds.long)
    programs = {program.name: samples[program.name] for program in compared.programs}
    wall = {reference.NAME: 1.5, "*": 1.0}
    return [
        *against_each("up", "first up", samples, lambda run: run.seconds, wall),
        *against_each("up", "of it, before the Jobs", samples, lambda run: run.mark_seconds, {}),
        *against_each("up", "first up, CPU", samples, lambda run: run.cpu_seconds, {}),
        *against_each(
            *("up", "first up, peak RSS", programs, lambda run: run.memory.rss_bytes / MEGABYTE),
            goals=NOT_SLOWER,
            unit="MB",
        ),
    ]


def measure_noop(compared: Sides, rounds: Rounds) -> list[Row]:
    """Measure `pulumi up` and `pulumi preview` where nothing has changed; all of it stays up."""
    for program in compared.programs:
        program.up()
    ups = alternate({program.name: program.up for program in compared.programs}, rounds.long)
    previews = alternate(
        {program.name: program.preview for program in compared.programs}, rounds.long
    )
    return [
        *against_each("noop", "up, no change", ups, lambda run: run.seconds, NOT_SLOWER),
        *against_each("noop", "preview, no change", previews, lambda run: run.seconds, NOT_SLOWER),
        *against_each("noop", "up, no change, CPU", ups, lambda run: run.cpu_seconds, {}),
    ]
