"""Checks all inputs at once, for the program and for programs that have the component as a part."""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import pulumi
from msgspec import structs

from ..clients.kubeconfig_rules import KubeconfigError
from ..clients.vault import unusable_variables
from .description import inputs
from .reading import as_given, read
from .rules import input_problems
from .shell import completed, variable_problems, with_kubeconfig
from .storage import CheckpointStorageArgs


class InputsError(pulumi.RunError):
    """What is wrong with the inputs; printed without a traceback."""


def refusal(what: str, problems: Sequence[str], next_step: str) -> InputsError:
    """Return the one error for all problems of `what`; `next_step` says where to mend them."""
    head = f"{what} have {len(problems)} problem(s), nothing was changed:"
    return InputsError("\n".join([head, *(f"  - {each}" for each in problems), next_step]))


class CheckedArgs(CheckpointStorageArgs, frozen=True, kw_only=True):
    """Inputs that are checked, and filled from the shell where they were empty."""


def checked(name: str, args: CheckpointStorageArgs) -> CheckedArgs:
    """Return the inputs of a component of this name for use.

    Raises:
        InputsError: names every problem at once.

    """
    # A program that is not type-checked may still hand over the dict of before.
    given = cast("object", args)
    if not isinstance(given, CheckpointStorageArgs):
        msg = (
            f"expected CheckpointStorageArgs(...) for CheckpointStorage {name!r}, found "
            f"{type(given).__name__}: docs/inputs.md lists its names"
        )
        raise InputsError(msg)
    return given if isinstance(given, CheckedArgs) else for_component(name, as_given(given))


def for_component(name: str, given: Mapping[str, Any]) -> CheckedArgs:
    """Return what `checked` does, of inputs by their keys that may be anything.

    Raises:
        InputsError: names every problem at once.

    """
    args, problems = check(given)
    if problems:
        what = f"the inputs of CheckpointStorage {name!r}"
        raise refusal(what, problems, "docs/inputs.md says what each of them may be")
    return args


def check(
    given: Mapping[str, Any], environ: Mapping[str, str] = os.environ
) -> tuple[CheckedArgs, list[str]]:
    """Return the inputs for use, and every problem of what is given and of the shell."""
    problems: list[str] = []
    args = completed(read(given, problems), environ)
    failed = {problem.partition(":")[0] for problem in problems}
    try:
        args = with_kubeconfig(args, environ)
    except KubeconfigError as error:
        problems.append(f"kubeconfig: {error}")
    problems += variable_problems(args, environ)
    problems += unusable_variables(args.vault_ca_cert_file, environ)
    for each in inputs():
        found = (rule(getattr(args, each.name)) for rule in each.rules)
        problems += [f"{each.key}: {problem}" for problem in found if problem]
    problems += (each for each in input_problems(args) if not _names(each, failed))
    return CheckedArgs(**structs.asdict(args)), problems


def _names(problem: str, failed: Iterable[str]) -> bool:
    """Tell whether a sentence is about a value that nobody gave: the default of one that failed."""
    about = problem.partition(":")[0].split(", ")
    # A key of one small word may stand in any sentence.
    return any(
        key in about or (not key.islower() and re.search(rf"\b{re.escape(key)}\b", problem))
        for key in failed
    )
