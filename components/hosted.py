"""The component as programs in other languages have it: its schema, and who makes it for them."""

from typing import Any

import pulumi
from pulumi.provider import ConstructResult, Provider
from pulumi.provider.experimental.analyzer import Analyzer, PropertyDefinition

from .checkpoint_storage import CheckpointStorage
from .inputs.checks import InputsError, for_component
from .inputs.description import Input, documentation, inputs

PACKAGE, VERSION = "langgraph-checkpoint", "0.1.0"
TYPE = f"{PACKAGE}:index:CheckpointStorage"


class Plugin(Provider):
    """Makes the component for the engine, of inputs that may be anything."""

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: pulumi.Inputs,
        options: pulumi.ResourceOptions | None = None,
    ) -> ConstructResult:
        """Return the component, and its outputs by their names in the schema.

        Raises:
            InputPropertiesError: inputs are wrong or unknown; its message names all of them.
            ValueError: the package has no such type.

        """
        if resource_type != TYPE:
            msg = f"expected the type {TYPE}, found {resource_type!r}"
            raise ValueError(msg)
        try:
            storage = CheckpointStorage(name, for_component(name, inputs), options)
        except InputsError as error:
            # Of another error the SDK prints where it was raised. Of this one it asks for a list
            # of properties too, without which it fails itself.
            raise pulumi.InputPropertiesError(str(error), []) from None
        _, attributes = _outputs()
        state = {key: getattr(storage, attribute) for key, attribute in attributes.items()}
        return ConstructResult(storage.urn, state)


def schema() -> dict[str, Any]:
    """Return Pulumi's schema of the package; no input is required."""
    described = described_outputs()
    return {
        "name": PACKAGE,
        "version": VERSION,
        "language": {
            language: {"respectSchemaVersion": True}
            for language in ("csharp", "go", "java", "nodejs", "python")
        },
        "resources": {
            TYPE: {
                "isComponent": True,
                "description": (CheckpointStorage.__doc__ or "").strip(),
                "inputProperties": {each.key: _property(each) for each in inputs()},
                "properties": {key: _output(found) for key, found in described.items()},
                "required": sorted(key for key, each in described.items() if not each.optional),
            }
        },
    }


def described_outputs() -> dict[str, PropertyDefinition]:
    """Return what is said of each output where the component declares it."""
    return _outputs()[0]


def _outputs() -> tuple[dict[str, PropertyDefinition], dict[str, str]]:
    return Analyzer(PACKAGE).analyze_type(CheckpointStorage, is_component_output=True)


def _property(described: Input) -> dict[str, Any]:
    found: dict[str, Any] = {"description": documentation()[described.name]}
    if described.type == "object":
        # A schema knows no default of an object. Any, since JSON in a text keeps what null removes,
        # which the SDK drops from an object.
        found["$ref"] = "pulumi.json#/Any"
    else:
        found |= {"type": described.type, "default": described.default}
    # A plain one can be no output of another resource.
    return found | ({"secret": True} if described.may_be_output else {"plain": True})


def _output(described: PropertyDefinition) -> dict[str, Any]:
    found: dict[str, Any] = {"description": described.description}
    if described.type:
        found["type"] = described.type.value
    if described.additional_properties:
        found["additionalProperties"] = _output(described.additional_properties)
    if described.ref:
        found["$ref"] = described.ref
    return found
