"""Every file and heading that a page names is there, so a move or a rename shows here."""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

from tests.support.deployment import REPOSITORY

HIDDEN = {".git", ".venv", "rendered", "__pycache__"}
PAGES = [
    page
    for page in REPOSITORY.rglob("*.md")
    if not HIDDEN & set(page.relative_to(REPOSITORY).parts)
]
FENCED = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!\w+:)([^)\s]+)\)")
ROOMS = REPOSITORY / "components"
# The first part of three files' names, and a right in Kubernetes.
NO_PATHS = ("migrations/001_create_checkpointer_tables", "jobs/status")


def anchors(page: Path) -> set[str]:
    """Return the names that GitHub gives a page's headings."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


def dead_links(page: Path, text: str) -> Iterable[str]:
    """Yield each relative link of a text that leads nowhere from the page."""
    for link in LINK.findall(FENCED.sub("", text)):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link


@cache
def folders() -> str:
    """Return a pattern of the folders by which a path is told from other text."""
    names = {path.name for root in (REPOSITORY, ROOMS) for path in root.iterdir() if path.is_dir()}
    return "|".join(re.escape(name) for name in names - HIDDEN)


def dead_paths(text: str) -> Iterable[str]:
    """Yield each path that a text names, commands included: from the root, or from the rooms."""
    for path in re.findall(rf"(?<![\w./$~}}-])(?:{folders()})/[\w./*-]*\w", text):
        if path not in NO_PATHS and not any([*REPOSITORY.glob(path), *ROOMS.glob(path)]):
            yield path


@cache
def names() -> frozenset[str]:
    """Return the names of the program's own files."""
    return frozenset(
        path.name
        for kind in ("py", "sh")
        for path in REPOSITORY.rglob(f"*.{kind}")
        if not HIDDEN & set(path.relative_to(REPOSITORY).parts)
    )


def dead_names(text: str) -> Iterable[str]:
    """Yield each Python or shell file that a text names without its folder, and that is gone."""
    for name in re.findall(r"`([\w-]+\.(?:py|sh))`", text):
        if name not in names():
            yield name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_file_and_heading_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text()

    assert [*dead_links(page, text), *dead_paths(text), *dead_names(text)] == []


def test_a_dead_link_heading_or_path_is_found() -> None:
    page = REPOSITORY / "docs" / "drift.md"
    text = (
        "[a](gone.md) [b](adopt.md#gone) [c](#the-schema) `jobs/gone.py`, jobs/pod.py, `gone.py`."
    )

    assert [*dead_links(page, text)] == ["gone.md", "adopt.md#gone"]
    assert [*dead_paths(text)] == ["jobs/gone.py"]
    assert [*dead_names(text)] == ["gone.py"]
