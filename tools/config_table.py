"""Writes the page of settings from the declarations in Pulumi.yaml."""

import json
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parent.parent
PAGE = REPOSITORY / "docs" / "settings.md"
HEAD = """# Settings

Every setting of an environment, as `Pulumi.yaml` declares it; set one with
`pulumi config set KEY VALUE`. All problems of a configuration are reported at once, before
anything is touched.

"""


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


if __name__ == "__main__":
    PAGE.write_text(HEAD + table())
