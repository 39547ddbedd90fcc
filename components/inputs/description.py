"""What is said of each input in `storage.py`, as data: for checks, schemas and pages."""

import ast
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, cast, get_args

import pulumi
from msgspec import NODEFAULT, structs
from msgspec import inspect as types

from .storage import CheckpointStorageArgs

SECRET = "secret"  # noqa: S105 -- a mark
Rule = Callable[[Any], str | None]
NAMES: Mapping[type, str] = {
    types.StrType: "string",
    types.LiteralType: "string",
    types.BoolType: "boolean",
    types.IntType: "integer",
    types.DictType: "object",
}


@dataclass(frozen=True, kw_only=True)
class Input:
    """One input of the component, which is a setting of the program."""

    name: str
    """Name in Python."""
    key: str
    """Name everywhere else."""
    kind: Any
    """Type by which msgspec converts a value that is given."""
    type: str
    """Name of this type in Pulumi's schemas."""
    default: Any
    expected: str
    """What a value of this type is to be, in words."""
    secret: bool
    """Whether no message may show the value."""
    may_be_output: bool
    """Whether the value may become known during the deployment."""
    rules: tuple[Rule, ...]
    """What the value that is used must fulfil."""


@cache
def inputs() -> tuple[Input, ...]:
    """Return all inputs in their order."""
    return tuple(_input(field) for field in structs.fields(CheckpointStorageArgs))


@cache
def documentation() -> Mapping[str, str]:
    """Return what is written below each input, by its name in Python."""
    (definition,) = ast.parse(inspect.getsource(CheckpointStorageArgs)).body
    body = definition.body if isinstance(definition, ast.ClassDef) else []
    return {
        declared.target.id: " ".join(said.value.value.split())
        for declared, said in pairwise(body)
        if isinstance(declared, ast.AnnAssign)
        and isinstance(declared.target, ast.Name)
        and isinstance(said, ast.Expr)
        and isinstance(said.value, ast.Constant)
        and isinstance(said.value.value, str)
    }


def _input(field: structs.FieldInfo) -> Input:
    metadata: tuple[Any, ...] = getattr(field.type, "__metadata__", ())
    plain = get_args(field.type)[0] if metadata else field.type
    may_be_output = pulumi.Output[str] in get_args(plain)
    kind = str if may_be_output else field.type
    info = types.type_info(kind)
    extra: dict[str, str] = {}
    if isinstance(info, types.Metadata):
        info, extra = info.type, cast("dict[str, str]", info.extra or {})
    name_of_type = NAMES[type(info)]
    return Input(
        name=field.name,
        key=field.encode_name,
        kind=kind,
        type=name_of_type,
        default=_default(field),
        expected=extra.get("expected") or _bounds(kind, info) or name_of_type,
        secret=SECRET in metadata,
        may_be_output=may_be_output,
        rules=tuple(cast("Rule", each) for each in metadata if callable(each)),
    )


def _default(field: structs.FieldInfo) -> Any:
    # msgspec makes a factory of an empty object.
    return field.default if field.default is not NODEFAULT else field.default_factory()


def _bounds(kind: Any, info: types.Type) -> str:
    """Return which values msgspec takes, where it takes few of the type."""
    match info:
        case types.IntType(ge=least, le=most):
            return f"a number from {least} to {most}"
        case types.LiteralType():
            # In their order, which msgspec does not keep.
            values = get_args(kind)
            names = ", ".join(str(each) for each in values if each)
            return f"one of {names}{' or nothing' if '' in values else ''}"
        case _:
            return ""
