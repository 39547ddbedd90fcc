"""The command line says what is wrong in one sentence and never prints a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from devstack import cli, environment, layout, machine, processes, toolchain
from devstack.errors import StackError


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("DEVSTACK_NAME", raising=False)


@pytest.mark.parametrize("command", ["env", "status", "logs"])
def test_a_stack_that_was_never_started_is_one_sentence(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([command]) == 1
    assert capsys.readouterr().err == (
        "devstack: there is no stack 'dev': start it with `python3 -m devstack --name dev up`\n"
    )


def test_the_name_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEVSTACK_NAME", "mine")

    assert cli.main(["status"]) == 1
    assert "'mine'" in capsys.readouterr().err


def test_down_without_a_stack_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["down", "--purge"]) == 0
    assert "there is no stack dev" in capsys.readouterr().out


def test_a_bad_name_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--name", "../x", "up"]) == 1
    assert capsys.readouterr().err.startswith("devstack: expected a stack name")


def test_up_on_a_wrong_machine_says_what_is_missing_and_names_the_other_way(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(toolchain, "problems", lambda: ["the stack needs root, this is user 7"])

    assert cli.main(["up"]) == 1

    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "the stack needs root, this is user 7" in message
    assert '"Your own cluster" in README.md' in message


def test_a_kernel_without_control_groups_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_CGROUPS", tmp_path)
    monkeypatch.setattr(toolchain, "problems", list)

    with pytest.raises(StackError, match="no cpu and no cpuset and no memory and no pids"):
        machine.require()


def test_a_kernel_that_refuses_namespaces_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: str) -> str:
        message = "unshare failed: Operation not permitted"
        raise StackError(message)

    monkeypatch.setattr(processes, "run", refuse)
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    assert any("privileged container" in problem for problem in machine.problems())


def test_purging_removes_what_a_start_left_that_recorded_nothing(tmp_path: Path) -> None:
    folder = layout.run_folder("dev")
    folder.mkdir(parents=True)

    assert cli.main(["down", "--purge"]) == 0

    assert list(folder.parent.iterdir()) == []


def test_doctor_lists_every_problem(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(machine, "problems", lambda: ["one is missing", "two is missing"])

    assert cli.main(["doctor"]) == 1
    assert capsys.readouterr().out == "one is missing\ntwo is missing\n"


def test_doctor_is_content_with_a_good_machine(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(machine, "problems", list)

    assert cli.main(["doctor"]) == 0
    assert "can run the embedded stack" in capsys.readouterr().out


@pytest.mark.parametrize("value", ["plain", "it's", "a b;$(exit 1)`x`", 'quo"te', "two\nlines"])
def test_exports_survive_eval(value: str) -> None:
    script = environment.exports({"VALUE": value}) + '\nprintf %s "$VALUE"'

    shell = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)

    assert shell.stdout == value


def test_a_shell_means_the_database_of_the_demo_and_pulumi_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pulumi", "psql"):
        command = tmp_path / name
        command.write_text('#!/bin/sh\necho "$1 $PGDATABASE"\n')
        command.chmod(0o755)
    variables = {"PATH": f"{tmp_path}:/usr/bin:/bin", "PGDATABASE": "postgres"}
    monkeypatch.setattr(environment, "environment", lambda _: variables)
    script = environment.shell("dev") + "\npsql asks\npulumi asks\npsql again"

    shell = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)

    assert shell.stdout == "asks langgraph\nasks postgres\nagain langgraph\n"


def test_the_demos_database_is_that_of_the_environment_dev() -> None:
    stack = yaml.safe_load((layout.ROOT / "Pulumi.dev.yaml").read_text())

    assert "langgraph-checkpoint:databaseName" not in stack["config"]
    settings = (layout.ROOT / "docs" / "settings.md").read_text()
    assert f"| `databaseName` | `{environment.DEMO}` |" in settings


def test_own_programs_come_first_on_the_path_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/tools:/usr/bin:/bin")

    assert environment._path(["/tools", "/venv/bin"]) == "/tools:/venv/bin:/usr/bin:/bin"


def test_any_python_runs_the_command_line() -> None:
    done = subprocess.run(
        [sys.base_prefix + "/bin/python3", "-m", "devstack", "--help"],
        cwd=layout.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert "usage: python3 -m devstack" in done.stdout
