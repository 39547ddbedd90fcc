"""The rooms of `components/`: their arrows run one way, and others come in by the door."""

import ast
import importlib
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PACKAGE = "components"
# What is deployed and documented; tests may look behind a door.
FOLDERS = ("benchmarks", "examples", "render", "tools", "upstream")
DOORS = sorted((REPOSITORY / PACKAGE).glob("*/**/__init__.py"))
ROOMS = {".".join(door.parent.relative_to(REPOSITORY).parts): door for door in DOORS}
FILES = [
    *(path for folder in (PACKAGE, *FOLDERS) for path in (REPOSITORY / folder).rglob("*.py")),
    REPOSITORY / "__main__.py",
]


def module(path: Path) -> str:
    return ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)


def room(name: str) -> str:
    """Return the room of a module; one outside of them stands for itself."""
    return max((known for known in ROOMS if name.startswith(f"{known}.")), key=len, default=name)


def imports(text: str, importer: str) -> Iterator[str]:
    """Give the modules of the package that a module's text imports, wherever it does."""
    parents = importer.split(".")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join([*parents[: len(parents) - node.level], node.module or ""]).strip(".")
            source = base if node.level else node.module or ""
            is_room = source in (PACKAGE, *ROOMS)
            names = [f"{source}.{alias.name}" for alias in node.names] if is_room else [source]
        else:
            continue
        yield from (name for name in names if name.startswith(f"{PACKAGE}."))


def circle(arrows: dict[str, set[str]]) -> list[str]:
    """Return the rooms of a circle, or none."""
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def past_the_door(importer: str, imported: str) -> bool:
    """Tell whether another room's module is imported that its door does not name."""
    theirs = room(imported)
    if theirs not in ROOMS:
        return False
    own = importer.startswith(f"{theirs}.")
    named: list[str] = importlib.import_module(theirs).__all__
    return not own and imported.removeprefix(f"{theirs}.").split(".")[0] not in named


def test_the_arrows_between_rooms_run_one_way() -> None:
    arrows: dict[str, set[str]] = {}
    for path in FILES:
        mine = room(module(path))
        found = {room(name) for name in imports(path.read_text(), module(path))}
        arrows.setdefault(mine, set()).update(found - {mine})

    assert circle(arrows) == []
    assert len(arrows) > len(ROOMS)


@pytest.mark.parametrize("path", FILES, ids=module)
def test_others_come_in_by_the_door(path: Path) -> None:
    text, importer = path.read_text(), module(path)

    assert [name for name in imports(text, importer) if past_the_door(importer, name)] == []


@pytest.mark.parametrize("name", ROOMS)
def test_a_door_says_what_its_room_is_for_and_names_its_modules(name: str) -> None:
    door = importlib.import_module(name)

    assert door.__doc__
    assert all((ROOMS[name].parent / f"{each}.py").is_file() for each in door.__all__)


def test_the_map_for_contributors_has_every_room() -> None:
    text = (REPOSITORY / "CONTRIBUTING.md").read_text()
    places = [name.removeprefix(f"{PACKAGE}.").replace(".", "/") for name in ROOMS]

    assert [place for place in places if f"`{place}/`" not in text] == []


def test_a_room_imports_only_those_above_it_on_the_map() -> None:
    text = (REPOSITORY / "CONTRIBUTING.md").read_text()
    places = {name: text.index(f"`{name.partition('.')[2].replace('.', '/')}/`") for name in ROOMS}
    for path in ROOMS.values():
        for one in path.parent.glob("*.py"):
            mine, found = room(module(one)), imports(one.read_text(), module(one))
            below = {name for name in map(room, found) if places.get(name, 0) > places[mine]}
            assert below == set(), (mine, below)


def test_a_circle_is_found() -> None:
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})) == {"a", "b", "c"}


def test_a_private_module_is_behind_its_door() -> None:
    text = (
        "def f():\n    from ..clients.exec_plugin import ask\n    from ..clients import cluster\n"
    )
    importer = "components.jobs.pod"

    found = [name for name in imports(text, importer) if past_the_door(importer, name)]

    assert found == ["components.clients.exec_plugin"]
