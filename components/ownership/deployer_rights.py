"""Says before anything is made which of its rights in PostgreSQL a deployer lacks."""

from collections.abc import Mapping

from ..clients.postgresql import postgresql
from .refusal import refuse, say

# A superuser needs none of them.
RIGHTS = """
SELECT rolname, quote_ident(rolname), array_remove(ARRAY[
        CASE WHEN NOT rolcreatedb THEN 'CREATEDB' END,
        CASE WHEN NOT rolcreaterole THEN 'CREATEROLE' END
    ], NULL), pg_has_role(oid, 'pg_signal_backend', 'MEMBER')
FROM pg_catalog.pg_roles WHERE rolname = current_user AND NOT rolsuper
"""


def expect_rights(server: Mapping[str, str]) -> None:
    """Ask the server what the role that logs in may do.

    Raises:
        Refused: it may not make roles, or databases.

    """
    with postgresql(server) as connection:
        found = connection.execute(RIGHTS).fetchone()
    if not found:
        return
    role, quoted, missing, may_end_sessions = found
    if missing:
        refuse(
            f"nothing was made: expected database role {role!r} to have CREATEDB and CREATEROLE, "
            f"found that it lacks {' and '.join(missing)}; run ALTER ROLE {quoted} "
            f"{' '.join(missing)}, or log in as another (docs/permissions.md)"
        )
    if not may_end_sessions:
        say(
            f"database role {role!r} is no member of pg_signal_backend: a session that is opened "
            "while destroy drops the database would leave it locked; run GRANT pg_signal_backend "
            f"TO {quoted} (docs/permissions.md)"
        )
