"""Runs the revisions through psycopg, with libpq's own variables for the connection."""
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
# Alembic is no part of the project's environment; the benchmark installs it apart.

from alembic import context
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

with create_engine("postgresql+psycopg://", poolclass=NullPool).connect() as connection:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
