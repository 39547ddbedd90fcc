"""Inputs that say where the database is and whose it is."""

from typing import NotRequired, TypedDict

import pulumi


class DatabaseServerArgs(TypedDict):
    """How this program reaches PostgreSQL; user and password are those of libpq's variables."""

    host: str
    """Host, the same as that of the PostgreSQL provider."""
    port: int
    """Port, the same as that of the PostgreSQL provider."""
    id: NotRequired[str]
    """Identity of a server that has taken the known one's place, as the refusal names it."""


class DatabaseArgs(TypedDict):
    """Where the database is and whose it is."""

    manage: bool
    """Create database, schema and roles."""
    server: NotRequired[DatabaseServerArgs]
    """How this program reaches the server; by default PGHOST and PGPORT, as for the provider."""
    host: str
    """Host as pods reach it, for a managed secret."""
    port: int
    """Port as pods reach it, for a managed secret."""
    name: str
    """Name of the database."""
    schema: str
    """Schema of the tables."""
    username: str
    """Login role of the Jobs, for a managed secret."""
    password: NotRequired[pulumi.Input[str]]
    """Password of `username`, for a managed secret where the role is not created here."""
    owner: str
    """NOLOGIN role that owns the tables; empty for the login role."""
    application_role: str
    """Role that may read and write rows; empty for nobody."""
    readers: NotRequired[str]
    """Roles that may read rows beside it, with commas between; none of them is created here."""
    ssl_mode: str
    """libpq's sslmode."""
    ca_certificate: str
    """PEM of the CA that signed PostgreSQL's certificate; empty for the public CAs."""
