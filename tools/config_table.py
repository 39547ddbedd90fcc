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

Every setting of an environment. Set one with `pulumi config set KEY VALUE`. Programs that have the
component as a part set [the inputs of the same names](inputs.md). All problems are reported at
once, before anything is touched.

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
    rows = ["| Setting | Default | What it does |", "| --- | --- | --- |"]
    for each in inputs():
        rows.append(f"| `{each.key}` | {shown(each.default)} | {documentation()[each.name]} |")
    return HEAD + "\n".join(rows) + "\n"


def shown(default: Any) -> str:
    """Return a default for a table."""
    return "empty" if default == "" else f"`{json.dumps(default).strip(chr(34))}`"


if __name__ == "__main__":
    PROJECT.write_text(project())
    PAGE.write_text(page())
