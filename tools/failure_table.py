"""Writes docs/failures.md: every failure with the sentence that the tests saw on the stack."""

import json
from pathlib import Path
from typing import TypedDict

import yaml

FOLDER = Path(__file__).parents[1] / "docs"
PAGE, CAUSES, RECORDINGS = (FOLDER / f"failures.{kind}" for kind in ("md", "yaml", "json"))

HEAD = """# Failures and their sentences

This page answers: **`pulumi up` or `pulumi destroy` failed with a sentence; what is wrong, and
what do I do?**

The tests caused each failure and recorded its sentence. Your sentence has other names and
numbers. "Exit" is the exit code of the container, and "none ran" means that no container ran.
The next `pulumi up` runs a failed Job again. [vaults.md](vaults.md) has more sentences of
`vault-init`, from OpenBao and two releases of Vault.
"""
TABLE = """
## {title}

| What is wrong | Exit | The sentence | What to do |
| --- | --- | --- | --- |
"""


class Recording(TypedDict):
    """What a user saw; the exit status of the container is null where none ran."""

    exit: int | None
    sentence: str


def recordings() -> dict[str, Recording]:
    """Return what the tests recorded, by cause."""
    return json.loads(RECORDINGS.read_text()) if RECORDINGS.exists() else {}


def record(cause: str, recording: Recording) -> None:
    """Keep what a user saw, sorted by cause."""
    everything = recordings() | {cause: recording}
    RECORDINGS.write_text(json.dumps(everything, indent=2, sort_keys=True) + "\n")


def sections() -> dict[str, dict[str, dict[str, str]]]:
    """Return what can be wrong and what to do about it, by title and cause."""
    return yaml.safe_load(CAUSES.read_text())


def page() -> str:
    """Return the whole page."""
    seen = recordings()
    return HEAD + "".join(
        TABLE.format(title=title)
        + "".join(_row(text, seen[cause]) for cause, text in causes.items())
        for title, causes in sections().items()
    )


def _row(text: dict[str, str], seen: Recording) -> str:
    status, sentence = seen["exit"] or "none ran", seen["sentence"].replace("|", "\\|")
    return f"| {text['wrong']} | {status} | {sentence} | {text['do']} |\n"


if __name__ == "__main__":
    PAGE.write_text(page())
