"""Writes the page of the component's inputs and outputs from its TypedDicts and docstrings."""

from collections.abc import Iterator, Mapping

from pulumi.provider.experimental.analyzer import Analyzer, PropertyDefinition

from components.checkpoint_storage import CheckpointStorage
from tools.config_table import REPOSITORY

PAGE = REPOSITORY / "docs" / "inputs.md"
HEAD = """# Inputs and outputs of CheckpointStorage

For [programs that have it as a part](other-languages.md); in Python the names are in snake case.
"""


def page() -> str:
    """Return a table for the component and for each type of its inputs."""
    found = Analyzer("langgraph-checkpoint").analyze([CheckpointStorage])
    component = found["component_definitions"]["CheckpointStorage"]
    parts = [HEAD, *_section("Inputs", "", component.inputs)]
    for name, definition in found["type_definitions"].items():
        parts += _section(name, definition.description or "", definition.properties)
    parts += _section("Outputs", "", component.outputs)
    return "\n".join(parts) + "\n"


def _section(
    title: str, description: str, properties: Mapping[str, PropertyDefinition]
) -> Iterator[str]:
    yield f"## {title}\n"
    if description:
        yield f"{description}\n"
    yield "| Name | Type | What it is |"
    yield "| --- | --- | --- |"
    for name, declared in properties.items():
        asked = ", optional" if declared.optional and title != "Outputs" else ""
        yield f"| `{name}` | {_type(declared)}{asked} | {declared.description} |"
    yield ""


def _type(declared: PropertyDefinition) -> str:
    if declared.ref and declared.ref.startswith("#/types/"):
        name = declared.ref.rpartition(":")[2]
        return f"[{name}](#{name.lower()})"
    return declared.type.value if declared.type else "any"


if __name__ == "__main__":
    PAGE.write_text(page())
