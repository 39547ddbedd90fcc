"""Connects to PostgreSQL as the PostgreSQL provider does, by the variables of libpq."""

import os
import ssl
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

TIMEOUT_SECONDS = 30


@contextmanager
def postgresql(
    server: Mapping[str, str], seconds: int = TIMEOUT_SECONDS
) -> Generator["psycopg.Connection[Any]"]:
    """Connect as the provider does, to the same database; user and password as it takes them."""
    import psycopg

    host, port = address(server)
    with (
        _root_certificate(server) as certificate,
        psycopg.connect(
            host=host,
            port=port,
            dbname=os.environ.get("PGDATABASE") or "postgres",
            user=os.environ.get("PGUSER") or "postgres",
            sslmode=server["ssl_mode"],
            connect_timeout=seconds,
            application_name="langgraph-checkpoint-guard",
            **certificate,
        ) as connection,
    ):
        yield connection


def address(server: Mapping[str, str]) -> tuple[str, str]:
    """Return host and port, those of libpq's variables where the server has none."""
    host = server["host"] or os.environ.get("PGHOST") or "localhost"
    return host, server["port"] or os.environ.get("PGPORT") or "5432"


@contextmanager
def _root_certificate(server: Mapping[str, str]) -> Generator[dict[str, Any]]:
    """Give libpq the CA as the file that it wants; without one the machine's public CAs."""
    if not server["ssl_mode"].startswith("verify-"):
        yield {}
    elif not server["ca_certificate"]:
        yield {"sslrootcert": ssl.get_default_verify_paths().cafile or "system"}
    else:
        with NamedTemporaryFile("w", suffix=".pem") as file:
            file.write(server["ca_certificate"])
            file.flush()
            yield {"sslrootcert": file.name}
