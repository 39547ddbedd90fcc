"""What a pod template may say of the program's containers, and of those that it adds."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from .pod_names import VARIABLE_PREFIXES, VARIABLES, VOLUMES
from .pod_security import context_problems

# What the container does and sees is the program's; how much it may use and what surrounds it is
# the cluster's.
ALLOWED = ("env", "imagePullPolicy", "name", "resources", "securityContext")


def container_problems(where: str, container: Mapping[str, Any]) -> Iterator[str]:
    """Return every problem of what is said of one of the program's containers."""
    for key in sorted(container.keys() - {*ALLOWED}):
        yield f"{where}.{key}: expected nothing, since the program sets it; {_hint()}"
    yield from _context(where, container)
    environment = container.get("env", [])
    if not isinstance(environment, list):
        yield f"{where}.env: expected a list"
        return
    for number, entry in enumerate(cast("list[Any]", environment)):
        match entry:
            case {"name": str(name)} if not _is_own(name):
                # Kubernetes takes texts only; a proxy's URL can hold a password, so none is shown.
                value = cast("dict[str, Any]", entry).get("value", "")
                if not isinstance(value, str):
                    yield f"{where}.env[{name}].value: expected a text; quote it"
            case {"name": str(name)}:
                yield f"{where}.env[{name}]: expected another name, since the tools read it"
            case _:
                yield f"{where}.env[{number}]: expected an object with a name"


def extra_problems(where: str, container: Mapping[str, Any]) -> Iterator[str]:
    """Return every problem of a container that is not the program's."""
    if not isinstance(container.get("image"), str):
        yield f"{where}.image: expected an image reference, found none"
    yield from _context(where, container)
    for key in ("env", "ports", "volumeMounts"):
        entries = container.get(key, [])
        if not is_list_of_objects(entries):
            yield f"{where}.{key}: expected a list of objects"
            continue
        for entry in cast("list[dict[str, Any]]", entries):
            if key == "ports" and entry.get("hostPort"):
                yield f"{where}.ports: expected no hostPort, since the node's ports are not ours"
            if key == "volumeMounts" and entry.get("name") in VOLUMES:
                yield (
                    f"{where}.volumeMounts[{entry['name']}]: expected another volume, since only "
                    "the program's containers may see it"
                )


def is_list_of_objects(given: Any) -> bool:
    """Tell whether a value is a list whose entries have fields."""
    return isinstance(given, list) and all(
        isinstance(each, dict) for each in cast("list[Any]", given)
    )


def _context(where: str, container: Mapping[str, Any]) -> Iterator[str]:
    if "securityContext" in container:
        yield from context_problems(f"{where}.securityContext", container["securityContext"])


def _is_own(variable: str) -> bool:
    return variable in VARIABLES or variable.startswith(VARIABLE_PREFIXES)


def _hint() -> str:
    return f"of it {', '.join(key for key in ALLOWED if key != 'name')} can be set"
