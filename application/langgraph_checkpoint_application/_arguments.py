"""What a pool is made with: the stack's output `connection` and the secret's fields."""

from collections.abc import Iterable, Mapping
from os import PathLike, fspath
from typing import Any

from psycopg.rows import dict_row

# What libpq calls the secret's fields.
_FIELDS = {
    "host": "host",
    "port": "port",
    "database": "dbname",
    "username": "user",
    "password": "password",
}


def pool_arguments(
    connection: Mapping[str, Any], secret: Mapping[str, Any], ca_file: str | PathLike[str] | None
) -> dict[str, Any]:
    """Return the arguments of psycopg_pool's pools.

    Raises:
        ValueError: the output or the secret lacks a part.
    """
    _require("the stack's output connection", connection, ("kwargs", "pool"))
    _require("the application's secret", secret, _FIELDS)
    return {
        "kwargs": {
            **connection["kwargs"],
            **{name: secret[field] for field, name in _FIELDS.items()},
            "sslrootcert": ca_file and fspath(ca_file),
            "row_factory": dict_row,
        },
        **connection["pool"],
        "open": False,
    }


def _require(what: str, found: Mapping[str, Any], names: Iterable[str]) -> None:
    if missing := [name for name in names if name not in found]:
        msg = f"expected {', '.join(names)} in {what}, found no {', '.join(missing)}: pass it whole"
        raise ValueError(msg)
