"""Makes and removes the control groups that hold everything the node runs."""

import json
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from devstack.errors import StackError

_ROOT = Path("/sys/fs/cgroup")
DAEMONS = "daemons"

_CONTROLLERS = {"cpu", "cpuset", "io", "memory", "pids"}
_REMOVAL_SECONDS = 10


@dataclass(frozen=True)
class Groups:
    """The node's groups: `roots` in every hierarchy, and where its daemons go from there."""

    roots: list[Path]
    leaves: list[Path]


def create(name: str, record: Path) -> Groups:
    """Make a group of this name in every hierarchy, and write them down first."""
    groups = _groups(name, Path("/proc/self/cgroup").read_text())
    record.write_text(json.dumps([str(group) for group in groups.roots]))
    if groups.leaves:
        _hand_down_controllers()
    for group in (*groups.roots, *groups.leaves):
        group.mkdir(exist_ok=True)
    for group in groups.roots:
        _fill_cpuset(group)
    return groups


def _hand_down_controllers() -> None:
    available = set((_ROOT / "cgroup.controllers").read_text().split())
    wanted = " ".join(f"+{name}" for name in sorted(_CONTROLLERS & available))
    try:
        (_ROOT / "cgroup.subtree_control").write_text(wanted)
    except OSError as error:
        message = (
            f"expected {_ROOT} to hand {wanted} to groups, found {error.strerror}: in a container, "
            "give it a control group namespace of its own"
        )
        raise StackError(message) from error


def _fill_cpuset(group: Path) -> None:
    # a new cpuset of the older kind is empty, and takes no process until it has been filled
    if (group.parent / "cpuset.mems").exists():
        for file in ("cpuset.cpus", "cpuset.mems"):
            (group / file).write_text((group.parent / file).read_text())


def remove(record: Path) -> None:
    """Remove the groups written down, once their processes are gone."""
    if not record.exists():
        return
    deadline = time.monotonic() + _REMOVAL_SECONDS
    left = [Path(group) for group in json.loads(record.read_text())]
    while left := [group for group in left if not _removed(group)]:
        if time.monotonic() > deadline:
            message = f"expected control group {left[0]} to be empty, found processes: end them"
            raise StackError(message)
        time.sleep(0.02)
    record.unlink()


def _groups(name: str, own: str) -> Groups:
    """Return the groups to make, given the calling process's own ones, see cgroups(7)."""
    lines = [line.split(":", 2) for line in own.splitlines()]
    older = [
        _ROOT / controllers.removeprefix("name=") / path.lstrip("/") / name
        for _, controllers, path in lines
        if controllers
    ]
    if older:
        return Groups(older, [])
    # in the unified hierarchy only the root may hold processes and hand controllers to groups,
    # so the node's group lies at the top, and its daemons do not stay in it
    return Groups([_ROOT / name], [_ROOT / name / DAEMONS])


def _removed(group: Path) -> bool:
    """Try to remove a group with all groups below it, the deepest first."""
    if not group.exists():
        return True
    folders = [path for path in group.rglob("*") if path.is_dir()]
    with suppress(OSError):
        for folder in sorted(folders, key=lambda path: len(path.parts), reverse=True):
            folder.rmdir()
        group.rmdir()
    return not group.exists()
