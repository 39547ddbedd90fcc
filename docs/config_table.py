"""Writes the table of settings into the README, from the declarations in Pulumi.yaml."""

import json
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parent.parent
BEGIN, END = "<!-- settings -->\n", "<!-- /settings -->\n"


def table() -> str:
    """Return the settings as a Markdown table, in the order of Pulumi.yaml."""
    declared: dict[str, dict[str, Any]] = yaml.safe_load((REPOSITORY / "Pulumi.yaml").read_text())[
        "config"
    ]
    rows = ["| Setting | Default | What it does |", "| --- | --- | --- |"]
    for key, declaration in declared.items():
        default = declaration["default"]
        shown = "empty" if default == "" else f"`{json.dumps(default).strip(chr(34))}`"
        rows.append(f"| `{key}` | {shown} | {declaration['description']} |")
    return "\n".join(rows) + "\n"


def with_table(text: str) -> str:
    """Return the README's text with today's table between its marks."""
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


if __name__ == "__main__":
    readme = REPOSITORY / "README.md"
    readme.write_text(with_table(readme.read_text()))
