"""Writes docs/failures.md: every failure with the sentence that the tests saw on the stack."""

import json
from pathlib import Path
from typing import TypedDict

import yaml

FOLDER = Path(__file__).parent
PAGE, CAUSES, RECORDINGS = (FOLDER / f"failures.{kind}" for kind in ("md", "yaml", "json"))

HEAD = """# Failures and their sentences

What `pulumi up` says when a Job fails, as the tests saw it on the real stack; names and numbers
are yours in place of theirs. The Job runs again on the next `pulumi up`.

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


def causes() -> dict[str, dict[str, str]]:
    """Return what can be wrong and what to do about it, by cause."""
    return yaml.safe_load(CAUSES.read_text())


def page() -> str:
    """Return the whole page."""
    seen = recordings()
    rows = [
        (text["wrong"], seen[cause]["exit"] or "none ran", seen[cause]["sentence"], text["do"])
        for cause, text in causes().items()
    ]
    escaped = "\\|"
    return HEAD + "".join(
        f"| {wrong} | {status} | {sentence.replace('|', escaped)} | {do} |\n"
        for wrong, status, sentence, do in rows
    )


if __name__ == "__main__":
    PAGE.write_text(page())
