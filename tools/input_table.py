"""Writes the page of the component's inputs and outputs from their declarations."""

from components.hosted import described_outputs
from components.inputs.description import documentation, inputs
from tools.config_table import REPOSITORY, shown

PAGE = REPOSITORY / "docs" / "inputs.md"
HEAD = """# Inputs and outputs of CheckpointStorage

For [programs that have it as a part](other-languages.md). The inputs are
[the settings](settings.md) of the program here, under the same names, and none of them is required.
In Python the names are in snake case. Only `databasePassword` may be a secret or an output of
another resource: names, checksums and manifests are made of the others before anything is deployed.
All problems are reported at once, in the sentences of the program.

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
