"""Draws the id by which a stack knows what it has made; a stack's name can be somebody else's too.

The provider class is stored by reference: this module's and the class's name are a contract, and so
are the inputs' names.
"""

import secrets
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider, UpdateResult

# Enough that no two stacks draw the same; short enough to read aloud.
ID_BYTES = 8


class OwnershipProvider(ResourceProvider):
    """Draws an id once; another one comes by `take_over` only."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Draw the id, or take over the one that is named."""
        owner = props["take_over"] or secrets.token_hex(ID_BYTES)
        return CreateResult(owner, props | {"owner": owner})

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Ask for an update when another id is to be taken over."""
        return DiffResult(changes=news["take_over"] not in ("", olds["owner"]))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Take over the id that is named."""
        return UpdateResult(news | {"owner": news["take_over"]})


class Ownership(Resource, name="Ownership"):
    """The id that everything bears which this stack owns, see docs/decisions/0024."""

    owner: pulumi.Output[str]
    """The id: 16 hexadecimal digits, or what `take_over` said."""

    def __init__(
        self, name: str, *, take_over: str, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        inputs = {"take_over": take_over, "owner": None}
        super().__init__(OwnershipProvider(), name, inputs, opts)
