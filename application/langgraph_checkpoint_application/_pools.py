"""Pools that open once the tables are ready, with and without asyncio."""

from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from os import PathLike
from typing import Any

from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg import AsyncConnection, Connection
from psycopg.rows import DictRow, scalar_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from ._arguments import pool_arguments
from ._schema import checks


@contextmanager
def checkpoint_pool(
    connection: Mapping[str, Any], secret: Mapping[str, Any], ca_file: str | PathLike[str] | None
) -> Generator[ConnectionPool[Connection[DictRow]]]:
    """Open a pool for `PostgresSaver`, and end the start where its tables are not ready.

    Args:
        connection: the stack's output of that name.
        secret: what Vault holds for the application.
        ca_file: the certificates to trust as the server's authority.

    Raises:
        SchemaError: the tables are not what the installed saver needs.
        PoolTimeout: no server answers, or none that is trusted.
    """
    arguments = pool_arguments(connection, secret, ca_file)
    # Costs a round trip; without it a failover's dead connections are handed out.
    with ConnectionPool(**arguments, check=ConnectionPool.check_connection) as pool:
        require_schema(pool)
        yield pool


@asynccontextmanager
async def async_checkpoint_pool(
    connection: Mapping[str, Any], secret: Mapping[str, Any], ca_file: str | PathLike[str] | None
) -> AsyncGenerator[AsyncConnectionPool[AsyncConnection[DictRow]]]:
    """Open a pool for `AsyncPostgresSaver`, as `checkpoint_pool` does for `PostgresSaver`."""
    arguments = pool_arguments(connection, secret, ca_file)
    async with AsyncConnectionPool(**arguments, check=AsyncConnectionPool.check_connection) as pool:
        await async_require_schema(pool)
        yield pool


def require_schema(pool: ConnectionPool[Any]) -> None:
    """End the start while the tables are not what the installed saver needs.

    Raises:
        SchemaError: they are not; the sentence says what to do.
    """
    with pool.connection() as connection, connection.cursor(row_factory=scalar_row) as cursor:
        for query, judge in checks(PostgresSaver):
            judge(cursor.execute(query).fetchone())


async def async_require_schema(pool: AsyncConnectionPool[Any]) -> None:
    """Do what `require_schema` does, in an event loop."""
    async with pool.connection() as connection:
        cursor = connection.cursor(row_factory=scalar_row)
        for query, judge in checks(AsyncPostgresSaver):
            judge(await (await cursor.execute(query)).fetchone())
