"""Turns what was given for the inputs into values of their kinds, and says what is none."""

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

import msgspec
import pulumi
from pulumi.output import Unknown

from .description import Input, inputs
from .storage import CheckpointStorageArgs

TYPES: Mapping[str, type] = {"boolean": bool, "integer": int, "object": dict, "string": str}
NOT_KNOWN = "expected a value that is known before the deployment, found an output or a secret"
# What the inputs were called while they came in groups, and what is to be set in their place.
FORMER = {
    "backup": "those that begin with backup, and restoreDrillSchedule",
    "database": "those that begin with database, and manageDatabase",
    "jobs": "name, postgresImage, vaultImage and their neighbours",
    "retention": "those that begin with retention",
    "vault": "those that begin with vault, and manageVaultAuthMount and manageVaultKvMount",
    "verifyAlways": "verify",
}


def read(given: Mapping[str, Any], problems: list[str]) -> CheckpointStorageArgs:
    """Return the inputs with what is given by their keys, and the default of what is none."""
    problems += _unknown(given)
    values: dict[str, Any] = {}
    for each in inputs():
        if (value := given.get(each.key)) is None:
            continue
        try:
            values[each.name] = _converted(each, value)
        except ValueError as error:
            problems.append(f"{each.key}: {error}")
    return CheckpointStorageArgs(**values)


def as_given(args: CheckpointStorageArgs) -> dict[str, Any]:
    """Return inputs by their keys, as `read` takes them."""
    return {each.key: getattr(args, each.name) for each in inputs()}


def _unknown(given: Mapping[str, Any]) -> Iterator[str]:
    known = [each.key for each in inputs()]
    for key in sorted(given.keys() - {*known}):
        close = difflib.get_close_matches(key, known, n=1)
        if key in FORMER:
            hint = f"set {FORMER[key]}, as docs/inputs.md says"
        elif close:
            hint = f"did you mean {close[0]!r}"
        else:
            hint = "see docs/settings.md"
        yield f"{key}: no such setting; {hint}"


def _converted(declared: Input, value: Any) -> Any:
    """Return the value as its kind has it; the engine hands whole numbers over as floats.

    Raises:
        ValueError: it is of another type, breaks a rule, or is not known yet.

    """
    known: object = value
    if isinstance(known, pulumi.Output | Unknown) and declared.may_be_output:
        return pulumi.Output.from_input(value)
    if declared.type == "object" and isinstance(value, str):
        value = _parsed(value)
    value = _whole(value)
    try:
        return msgspec.convert(value, declared.kind)
    except msgspec.ValidationError:
        # A rule is no help to whoever gave another type.
        is_of_type = type(value) is TYPES[declared.type]
        expected = declared.expected if is_of_type else declared.type
        msg = f"expected {expected}, found {_found(value, expected, secret=declared.secret)}"
        raise ValueError(msg) from None


def _parsed(text: str) -> Any:
    """Return what JSON in a text means; other text stays what it is."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _whole(value: Any) -> Any:
    """Return a value with the whole numbers that it holds as such.

    Raises:
        ValueError: a part of it is not known yet.

    """
    if isinstance(value, pulumi.Output | Unknown):
        # Names, hashes and manifests are made of it before anything is deployed.
        raise ValueError(NOT_KNOWN)  # noqa: TRY004 -- of which type it is, is not the trouble
    if isinstance(value, dict):
        return {key: _whole(each) for key, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_whole(each) for each in cast("list[Any]", value)]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _found(value: Any, expected: str, *, secret: bool) -> str:
    """Return a value for a message, unless a password may stand in it."""
    if secret:
        return "another type"
    if isinstance(value, str):
        is_url = "URL" in expected or "://" in value
        return "one with a user in it" if is_url and "@" in value else repr(value)
    if isinstance(value, bool | int | float):
        return str(value).lower()
    return "a list" if isinstance(value, list) else "an object"
