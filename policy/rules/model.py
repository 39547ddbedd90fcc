"""What the rules judge and what a rule is."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


def part(whole: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return an object within an object; an empty one where there is none."""
    return whole.get(key) or {}


@dataclass(frozen=True)
class Resource:
    """A resource as the program declares it."""

    type: str
    name: str
    urn: str
    props: Mapping[str, Any]
    protect: bool = False

    @property
    def environment(self) -> str:
        """Name of the resource's stack, which is its environment's."""
        return self.urn.removeprefix("urn:pulumi:").split("::")[0]

    @property
    def manifest(self) -> Mapping[str, Any]:
        """The Kubernetes object that it is or that it carries as text, to be made on destroy."""
        if self.type.startswith("kubernetes:"):
            return self.props
        if self.type.startswith("pulumi-python:dynamic:") and "manifest" in self.props:
            return json.loads(self.props["manifest"])
        return {}


@dataclass(frozen=True)
class Rule:
    """Judges one resource: `check` yields a sentence a violation."""

    name: str
    description: str
    check: Callable[[Resource], Iterator[str]]
    mandatory: bool = True


@dataclass(frozen=True)
class StackRule:
    """Judges all resources together: `check` yields the resource at fault and a sentence."""

    name: str
    description: str
    check: Callable[[Sequence[Resource]], Iterator[tuple[Resource, str]]]
    mandatory: bool = True
