"""What an environment's own ServiceAccount says of its migration, for a rollback to heed.

A Job cannot say it: it goes by its time to live. The marks go with the account, on destroy.
"""

# lightkube's generic signatures are only partially typed.
# pyright: reportUnknownMemberType=false

from http import HTTPStatus
from typing import Any

from lightkube import ApiError, Client
from lightkube.resources.core_v1 import ServiceAccount

# Set before the first migration Job of this stack is made: there may be tables since then.
BEGUN = "langgraph-checkpoint/migration-begun"
# UID of the migration Job whose work a rollback has undone.
UNDONE = "langgraph-checkpoint/migration-undone"


def marks(client: Client, namespace: str, account: str) -> dict[str, str] | None:
    """Return the account's annotations, or None where there is no such account.

    Raises:
        ApiError: the API server does not say.

    """
    try:
        found: Any = client.get(ServiceAccount, account, namespace=namespace)
    except ApiError as error:
        if error.status.code != HTTPStatus.NOT_FOUND:
            raise
        return None
    return found.metadata.annotations or {}


def mark(client: Client, namespace: str, account: str, key: str, value: str) -> None:
    """Annotate the account.

    Raises:
        ApiError: the API server refuses, or has no such account.

    """
    annotations = {"metadata": {"annotations": {key: value}}}
    client.patch(ServiceAccount, account, annotations, namespace=namespace)
