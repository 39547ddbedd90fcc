"""LangGraph's own ten migrations, written in the form that each migration tool wants."""

import shutil
from pathlib import Path

from langgraph.checkpoint.postgres.base import BasePostgresSaver

from benchmarks.reference import PEERS

ALEMBIC = PEERS / "alembic"
TEXTS = tuple(f"{text.strip().rstrip(';')};\n" for text in BasePostgresSaver.MIGRATIONS)


def recorded(texts: tuple[str, ...] = TEXTS) -> str:
    """Return the texts as one psql script, each recorded as setup() records it."""
    lines = ["\\set ON_ERROR_STOP on\n"]
    for version, text in enumerate(texts):
        record = f"INSERT INTO checkpoint_migrations (v) VALUES ({version});\n"  # noqa: S608 -- a number
        lines += [text, record]
    return "".join(lines)


def for_psql(path: Path) -> Path:
    """Write the script for psql."""
    path.write_text(recorded())
    return path


def for_golang_migrate(folder: Path) -> Path:
    """Write a file a text; its driver runs a file of one statement outside a transaction."""
    folder.mkdir()
    for number, text in enumerate(TEXTS, start=1):
        (folder / f"{number:06}_langgraph.up.sql").write_text(text)
    return folder


def for_dbmate(folder: Path) -> Path:
    """Write a file a text, with the transaction turned off where the text wants none."""
    folder.mkdir()
    for number, text in enumerate(TEXTS, start=1):
        option = " transaction:false" if _wants_no_transaction(text) else ""
        content = f"-- migrate:up{option}\n{text}\n-- migrate:down\n"
        (folder / f"{number:06}_langgraph.sql").write_text(content)
    return folder


def for_alembic(folder: Path) -> Path:
    """Write the texts and, beside them, one revision a text."""
    shutil.copytree(ALEMBIC, folder)
    revision, texts = folder / "revision.py", folder / "texts"
    (folder / "versions").mkdir()
    texts.mkdir()
    for number, text in enumerate(TEXTS):
        shutil.copy(revision, folder / "versions" / f"{number:02}.py")
        (texts / f"{number:02}.sql").write_text(text)
    return folder


def for_flyway(folder: Path) -> Path:
    """Write a file a text; Flyway itself sees which of them want no transaction."""
    folder.mkdir()
    for number, text in enumerate(TEXTS, start=1):
        (folder / f"V{number}__langgraph.sql").write_text(text)
    return folder


def for_liquibase(folder: Path) -> Path:
    """Write one changelog in SQL, a changeset a text."""
    folder.mkdir()
    lines = ["--liquibase formatted sql\n"]
    for number, text in enumerate(TEXTS, start=1):
        option = " runInTransaction:false" if _wants_no_transaction(text) else ""
        lines.append(f"--changeset langgraph:{number}{option}\n{text}")
    (folder / "changelog.sql").write_text("\n".join(lines))
    return folder


def _wants_no_transaction(text: str) -> bool:
    return "CONCURRENTLY" in text
