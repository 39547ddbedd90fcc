"""Runs components under Pulumi's mocks and hands out what they registered."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pulumi
import pytest
from pulumi.runtime import rpc
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs, Mocks

PROJECT = "langgraph-checkpoint"

Declared = dict[str, MockResourceArgs]


class RecordingMocks(Mocks):
    """Answers as the providers would where a component reads an output."""

    def __init__(self) -> None:
        self.declared: Declared = {}
        self.secrets: set[str] = set()

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        kind = args.typ.rsplit(":", 1)[-1]
        for key, value in args.inputs.items():
            if rpc.is_rpc_secret(value):
                args.inputs[key] = rpc.unwrap_rpc_secret(value)
                self.secrets.add(f"{kind} {args.name} {key}")
        self.declared[f"{kind} {args.name}"] = args
        outputs = dict(args.inputs)
        if args.typ.startswith("kubernetes:"):
            outputs["metadata"] = {"name": args.name, "uid": "uid-1"} | dict(
                outputs.get("metadata", {})
            )
        if args.typ.endswith(":Secret"):
            outputs["data"] = {"ca.crt": "Q0E=", "token": "SldU"}
        if args.typ.endswith(":Ownership"):
            outputs["owner"] = "drawn-owner"
        if args.typ.endswith(":DataGuard"):
            outputs["identities"] = {"Vault": "the-first"}
        if args.typ.endswith(":Endpoint"):
            outputs["writeData"] = {"random_bytes": "drawn"}
        return f"{args.name}-id", outputs

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], None]:
        msg = f"a preview must work without any server, but {args.token} was called"
        raise AssertionError(msg)


@pytest.fixture
def declare() -> Callable[[Callable[[], object]], RecordingMocks]:
    """Run a program under mocks; return what it declared, by "Kind name"."""

    def run(program: Callable[[], object]) -> RecordingMocks:
        mocks = RecordingMocks()
        pulumi.runtime.set_mocks(mocks, project=PROJECT, stack="dev", preview=False)
        pulumi.runtime.test(program)()
        return mocks

    return run


@pytest.fixture
def configure() -> Iterator[Callable[..., None]]:
    """Set the stack's configuration; keys are the project's own."""

    def apply(stack: str = "dev", **values: Any) -> None:
        pulumi.runtime.set_mocks(RecordingMocks(), project=PROJECT, stack=stack, preview=True)
        texts = {
            f"{PROJECT}:{key}": value if isinstance(value, str) else json.dumps(value)
            for key, value in values.items()
        }
        pulumi.runtime.set_all_config(texts)

    yield apply
    pulumi.runtime.set_all_config({})
