"""Knows the released savers that this project was tried with."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LIST = Path(__file__).with_name("releases.toml")


@dataclass(frozen=True)
class Release:
    """One released saver and what it leaves in an empty database."""

    language: str
    version: str
    core: str
    texts: int
    task_path: bool

    @property
    def fixture(self) -> str:
        """The name of the file that holds its recorded schema and rows."""
        return f"{self.language}-{self.version}.sql"


def releases() -> list[Release]:
    """Return the listed releases, oldest first, the savers of LangGraph.js last."""
    listed: dict[str, list[dict[str, Any]]] = tomllib.loads(LIST.read_text())
    return [Release(language, **entry) for language, found in listed.items() for entry in found]
