"""Refuses a change of settings that would drop or abandon what holds the rows.

The provider class is stored by reference: this module's and the class's name are a contract, and so
are the inputs' names.
"""

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider, UpdateResult

from .refusal import refuse

MAY_GO = "may go, set allowDataLoss to true and run pulumi up before the change"


class DataGuardProvider(ResourceProvider):
    """Compares what the environment owned with what it would own."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Keep what is owned."""
        return CreateResult("owned", props)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Ask for an update, or refuse; every preview and `up` comes by here, no `destroy` does.

        Raises:
            Refused: something owned would go that was not allowed to.

        """
        for what, name in olds["owned"].items():
            found = news["owned"].get(what, "none")
            if found != name and not olds["allow_data_loss"]:
                refuse(
                    f"nothing was changed: expected {what} {name!r} to stay this environment's, "
                    f"found {found!r}, which would drop or abandon what is in it; if that {MAY_GO}"
                )
        there, here = olds.get("api_server"), news["api_server"]
        # The provider is replaced, and its objects with it, by another URL, not by none.
        if there and here and there != here and not olds["allow_data_loss"]:
            refuse(
                f"nothing was changed: expected the API server {there!r}, found {here!r}, which "
                "would remove the namespace with all that is in it; set kubeconfig and kubeContext "
                f"(or KUBECONFIG) to the first again, or, if the namespace {MAY_GO}"
            )
        changed = any(olds.get(key) != value for key, value in news.items() if key[0] != "_")
        return DiffResult(changes=changed)

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Keep what is owned now."""
        return UpdateResult(news)


class DataGuard(Resource, name="DataGuard"):
    """Comes first, so that its refusal comes before anything is touched."""

    def __init__(
        self,
        name: str,
        *,
        owned: Mapping[str, str],
        api_server: str,
        allow_data_loss: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "owned": dict(owned),
            "api_server": api_server,
            "allow_data_loss": allow_data_loss,
        }
        super().__init__(DataGuardProvider(), name, inputs, opts)
