"""Runs the text of this file's number; copied under one name a text, such as 03.py."""
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false
# Alembic is no part of the project's environment; the benchmark installs it apart.

from pathlib import Path

from alembic import op

_THIS = Path(__file__)
_NUMBER = int(_THIS.stem) if _THIS.stem.isdigit() else 0

revision = f"{_NUMBER:02}"
down_revision = f"{_NUMBER - 1:02}" if _NUMBER else None


def upgrade() -> None:
    """Run the text, outside a transaction where it wants none."""
    text = (_THIS.parent.parent / "texts" / f"{revision}.sql").read_text()
    if "CONCURRENTLY" in text:
        with op.get_context().autocommit_block():
            op.get_bind().exec_driver_sql(text)
    else:
        op.get_bind().exec_driver_sql(text)
