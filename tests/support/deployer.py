"""The role that docs/permissions.md has for whoever runs `pulumi up`."""

from typing import Any

import psycopg
from psycopg import sql

from tests.support.documents import commands


def make_deployer(admin: psycopg.Connection[Any], name: str) -> dict[str, str]:
    """Make a role with the documented rights and no others; return what pulumi logs in with."""
    statements = commands("docs/permissions.md", "deployer")
    admin.execute(statements.replace("langgraph_deployer", name).replace("\u2026", name).encode())
    if admin.info.server_version >= 160_000:
        # The stand-in provider, of before PostgreSQL 16, takes a role that it made for one that it
        # may act as. The official one grants itself that for the moment.
        role = sql.Identifier(name)
        setting = sql.SQL("ALTER ROLE {} SET createrole_self_grant = 'set, inherit'")
        admin.execute(setting.format(role))
    return {"PGUSER": name, "PGPASSWORD": name}
