"""Writes the configuration of Pulumi.yaml and the page of settings from the component's inputs."""

import json
from pathlib import Path
from typing import Any

import yaml

from components.inputs.description import documentation, inputs

REPOSITORY = Path(__file__).parent.parent
PROJECT, PAGE = REPOSITORY / "Pulumi.yaml", REPOSITORY / "docs" / "settings.md"
CONFIG = "config:\n"
HEAD = """# Settings

This page answers: **what can I set for an environment?**

`pulumi config set KEY VALUE` sets one of these. A program that has the component as a part sets
[the inputs of the same names](inputs.md). The program checks all settings before it touches
anything, and one error names all problems. The text of a boolean says what `true` does.

"""


def project() -> str:
    """Return Pulumi.yaml with a declaration of each input."""
    head, _, _ = PROJECT.read_text().partition(CONFIG)
    declared: dict[str, Any] = {
        each.key: {
            "type": each.type,
            "default": each.default,
            "description": documentation()[each.name],
        }
        for each in inputs()
    }
    text = yaml.safe_dump({"config": declared}, sort_keys=False, width=10**6, allow_unicode=True)
    return head + text.replace(": ''\n", ': ""\n')


def page() -> str:
    """Return the settings as a table, in their order."""
    rows = ["| Setting | Default | Value | What it does |", "| --- | --- | --- | --- |"]
    for each in inputs():
        text = f"{shown(each.default)} | {each.expected} | {documentation()[each.name]}"
        rows.append(f"| `{each.key}` | {text} |")
    return HEAD + "\n".join(rows) + "\n"


def shown(default: Any) -> str:
    """Return a default for a table."""
    return "empty" if default == "" else f"`{json.dumps(default).strip(chr(34))}`"


if __name__ == "__main__":
    PROJECT.write_text(project())
    PAGE.write_text(page())
