"""Refuses, before anything is touched, what would drop or abandon what holds the rows.

The provider class is stored by reference: this module's and the class's name are a contract, and so
are the inputs' names.
"""

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.dynamic import (
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)

from .deployer_rights import expect_rights
from .refusal import refuse
from .servers import Servers, UnexpectedServer, identities

MAY_GO = "may go, set allowDataLoss to true and run pulumi up before the change"
UNCHANGED, UNMADE = "nothing was changed", "nothing was made"
# The engine reads all resources at once, and keeps what it has read by then.
FORGOTTEN = (
    "no server was changed, but the state may have forgotten what is on the first one "
    "(docs/adopt.md, a refused refresh)"
)


class DataGuardProvider(ResourceProvider):
    """Compares what the environment owned, and where, with what it would own.

    A server that cannot be asked is no stranger: a preview needs none, and nobody can change it.
    """

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Keep what is owned, and the identity of each server.

        Raises:
            Refused: a server did not answer, or not to one with the rights that all else needs.

        """
        known = _with_identities(props, {}, UNMADE)
        if database := props["servers"]["database"]:
            expect_rights(database)
        return CreateResult("owned", known)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Change nothing; a refresh by way of another server would forget what is on the first.

        Raises:
            Refused: another server answered.

        """
        if "servers" in props:
            _look(props["servers"], props["identities"], FORGOTTEN)
        return ReadResult(id_, props)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Ask for an update, or refuse; every preview and `up` comes by here, no `destroy` does.

        Raises:
            Refused: something owned would go that was not allowed to, or another server answered.

        """
        _expect_names(olds, news)
        _expect_owned(olds, news)
        _expect_api_server(olds, news)
        known = olds.get("identities", {})
        found = _look(news["servers"], known, UNCHANGED)
        changed = any(olds.get(key) != value for key, value in news.items() if key[0] != "_")
        return DiffResult(changes=changed or found != known)

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Keep what is owned now, once each server has said that it is the known one.

        Raises:
            Refused: another server answered, or one did not.

        """
        return UpdateResult(_with_identities(news, olds.get("identities", {}), UNCHANGED))


def _with_identities(
    props: dict[str, Any], known: Mapping[str, str], context: str
) -> dict[str, Any]:
    try:
        found = identities(props["servers"], known, must_answer=True, context=context)
    except UnexpectedServer as error:
        refuse(str(error))
    return props | {"identities": found}


def _look(servers: Servers, known: Mapping[str, str], context: str) -> dict[str, str]:
    try:
        return identities(servers, known, must_answer=False, context=context)
    except UnexpectedServer as error:
        refuse(str(error))


def _expect_names(olds: Mapping[str, Any], news: Mapping[str, Any]) -> None:
    """Refuse a rename, whatever may be lost.

    The provider renames in place; where the server refuses, since the name is taken, it records the
    wanted name all the same, and the next destroy would drop somebody else's.
    """
    if not news["names"]:
        return  # no longer managed, which is another question
    # The database first, since the names of its roles follow from its own by default.
    for what, name in sorted(olds.get("names", {}).items(), key=lambda pair: pair[0] != "database"):
        found = news["names"][what]
        if found != name:
            refuse(
                f"nothing was changed: expected {what} {name!r} to stay this environment's, found "
                f"{found!r}: what the program made keeps its name; set it to {name!r} again, or "
                "run pulumi destroy with the first name and pulumi up with the second"
            )


def _expect_owned(olds: Mapping[str, Any], news: Mapping[str, Any]) -> None:
    for what, name in olds["owned"].items():
        found = news["owned"].get(what, "none")
        if found != name and not olds["allow_data_loss"]:
            refuse(
                f"nothing was changed: expected {what} {name!r} to stay this environment's, "
                f"found {found!r}, which would drop or abandon what is in it; if that {MAY_GO}"
            )


def _expect_api_server(olds: Mapping[str, Any], news: Mapping[str, Any]) -> None:
    there, here = olds.get("api_server"), news["api_server"]
    # The provider is replaced, and its objects with it, by another URL, not by none.
    if there and here and there != here and not olds["allow_data_loss"]:
        refuse(
            f"nothing was changed: expected the API server {there!r}, found {here!r}, which "
            "would remove the namespace with all that is in it; set kubeconfig and kubeContext "
            f"(or KUBECONFIG) to the first again, or, if the namespace {MAY_GO}"
        )


class DataGuard(Resource, name="DataGuard"):
    """Comes first, so that its refusal comes before anything is touched, the providers included."""

    servers: pulumi.Output[dict[str, dict[str, str]]]
    """Where the servers are reached: where the guard was not asked (`up --target`), as before."""
    identities: pulumi.Output[dict[str, str]]
    """What Vault and a managed PostgreSQL server say that they are, by server."""

    def __init__(
        self,
        name: str,
        *,
        owned: Mapping[str, str],
        names: Mapping[str, str],
        servers: Servers,
        api_server: str,
        allow_data_loss: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`owned` holds rows and may go with a permission; `names` never change in place."""
        inputs = {
            "owned": dict(owned),
            "names": dict(names),
            "servers": servers,
            "api_server": api_server,
            "allow_data_loss": allow_data_loss,
            "identities": None,
        }
        super().__init__(DataGuardProvider(), name, inputs, opts)
