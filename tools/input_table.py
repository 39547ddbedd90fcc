"""Writes the page of the component's inputs and outputs from their declarations."""

from components.hosted import described_outputs
from components.inputs.description import documentation, inputs
from tools.config_table import REPOSITORY, shown

PAGE = REPOSITORY / "docs" / "inputs.md"
HEAD = """# Inputs and outputs of CheckpointStorage

This page answers: **what does the component take and give, as a part of
[my own program](other-languages.md)?**

The inputs are [the settings](settings.md) of this repository's program, under the same names. In
Python the names are in snake case. No input is required. Only `databasePassword` may be a secret or
an output of another resource, because the component makes names, checksums and manifests from the
other inputs before anything is deployed. One error names all problems, in the sentences of the
program. The text of a boolean says what `true` does.

"""


def page() -> str:
    """Return a table for the inputs and one for the outputs."""
    rows = ["## Inputs\n", "| Name | Type | Default | What it is |", "| --- | --- | --- | --- |"]
    for each in inputs():
        text = f"{shown(each.default)} | {documentation()[each.name]}"
        rows.append(f"| `{each.key}` | {each.type} | {text} |")
    rows += ["\n## Outputs\n", "| Name | Type | What it is |", "| --- | --- | --- |"]
    for name, declared in described_outputs().items():
        kind = declared.type.value if declared.type else "any"
        rows.append(f"| `{name}` | {kind} | {declared.description} |")
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
