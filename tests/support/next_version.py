"""A made-up release of the saver with two more texts, drafted and finished as a person does."""

import json
import os
import re
import subprocess
import sys
import zipfile
from importlib.metadata import distribution
from pathlib import Path

from upstream.wheels import BASE, PACKAGE, known_texts

SAVER = "langgraph/checkpoint/postgres/__init__.py"
COLUMN = "ALTER TABLE checkpoints ADD COLUMN IF NOT EXISTS created_at TIMESTAMPTZ;"
INDEX = (
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS checkpoints_created_at_idx ON checkpoints(created_at);"
)
TEXTS = [*known_texts(), COLUMN, INDEX]
MARKED = re.MULTILINE | re.DOTALL
STEM = "002_add_checkpoints_created_at_and_more"
LAYOUT = f"layout_{len(TEXTS) - 1}.sql"
# What the person adds to the layout: after which line of it, and what.
ROWS = {
    "    ('checkpoints', 7, 'metadata', 'jsonb not null default ''{}'''),\n": (
        "    ('checkpoints', 8, 'created_at', 'timestamp with time zone'),\n"
    ),
    "    -- What the tables of an earlier version lack.\n": (
        "    ('checkpoints', 'created_at'),\n"
    ),
    "    ('checkpoints', 'checkpoints_thread_id_idx', 'thread_id'),\n": (
        "    ('checkpoints', 'checkpoints_created_at_idx', 'created_at'),\n"
    ),
}


def build_wheel(folder: Path, texts: list[str], edit: tuple[str, str] = ("", "")) -> Path:
    """Build the installed release anew, as 9.9.9 with other texts and an edited saver."""
    installed = distribution(PACKAGE)
    path = folder / f"{PACKAGE.replace('-', '_')}-9.9.9-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file in installed.files or []:
            source = Path(str(file.locate()))
            if file.as_posix() == BASE:
                # The list itself is what a release would change.
                new = f"MIGRATIONS = {json.dumps(texts)}\n_OLD = ["
                content = source.read_text().replace("MIGRATIONS = [", new, 1)
                archive.writestr(file.as_posix(), content)
            elif file.as_posix() == SAVER:
                assert edit[0] in source.read_text()
                archive.writestr(SAVER, source.read_text().replace(*edit))
            elif "__pycache__" not in file.parts:
                archive.write(source, file.as_posix())
    return path


def watch(wheel: Path, migrations: Path) -> subprocess.CompletedProcess[str]:
    """Run what `make upstream` runs, without a package index: a wheel file needs none."""
    return subprocess.run(
        [sys.executable, "-m", "upstream", wheel, "--migrations", migrations],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PIP_NO_INDEX": "1"},
    )


def without_marks(file: Path) -> None:
    """Remove what says that the file is a draft, as somebody does who has decided."""
    text = re.sub(r"^DO \$decide\$\n.*?^\$decide\$;\n", "", file.read_text(), flags=MARKED)
    text = re.sub(r"^-- DRAFT.*\n(--   .*\n)+", "", text, flags=re.MULTILINE)
    file.write_text(text.replace("DRAFT, to be finished by hand", "Finished"))


def finish(migrations: Path) -> None:
    """Do what the draft's marks ask for."""
    for file in (migrations / LAYOUT, *migrations.glob(f"{STEM}.*.sql")):
        without_marks(file)
    layout = migrations / LAYOUT
    text = layout.read_text()
    for line, row in ROWS.items():
        assert text.count(line) == 1, line
        text = text.replace(line, line + row)
    layout.write_text(text)


def add_next_version(migrations: Path, scratch: Path) -> None:
    """Put the finished migration into a copy of the folder."""
    drafted = watch(build_wheel(scratch, TEXTS), migrations)
    assert f"finish the draft {STEM}.up.sql" in drafted.stderr, drafted.stderr
    finish(migrations)
