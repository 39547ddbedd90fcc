"""Processes are told apart by pid and start time, and only those that were started are stopped."""

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from devstack import processes
from devstack.errors import StackError
from devstack.waiting import wait_until


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Path]:
    """Return the record of a process that runs until it is stopped."""
    record = tmp_path / "sleeper"
    processes.start(record, ["sleep", "600"], log=tmp_path / "sleeper.log", environment={})
    yield record
    processes.stop(record, signal.SIGKILL)


def test_a_started_process_runs_in_a_session_of_its_own(sleeper: Path) -> None:
    process = processes.running(sleeper)

    assert process
    assert os.getsid(process.pid) == process.pid


def test_a_program_does_not_start_before_it_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    def fail(path: Path, process: processes.Process) -> None:
        started.append(process.pid)
        raise KeyboardInterrupt

    monkeypatch.setattr(processes, "record", fail)
    log = tmp_path / "log"

    with pytest.raises(KeyboardInterrupt):
        processes.start(tmp_path / "echo", ["echo", "started"], log=log, environment={})

    os.waitpid(started[0], 0)
    assert log.read_text() == ""


def test_a_stopped_process_is_forgotten(sleeper: Path) -> None:
    process = processes.running(sleeper)
    assert process

    processes.stop(sleeper, signal.SIGTERM)

    assert not process.alive()
    assert not sleeper.exists()


def test_a_zombie_counts_as_ended(sleeper: Path) -> None:
    process = processes.running(sleeper)
    assert process

    assert process.signal(signal.SIGKILL, seconds=10)

    assert Path(f"/proc/{process.pid}").exists()
    assert processes.running(sleeper) is None


def test_a_later_process_with_the_same_pid_is_not_stopped(sleeper: Path) -> None:
    process = processes.running(sleeper)
    assert process
    stranger = sleeper.with_name("stranger")
    processes.record(stranger, replace(process, start_time=process.start_time - 1))

    processes.stop(stranger, signal.SIGKILL)

    assert process.alive()
    assert not stranger.exists()


def test_a_record_from_before_the_machine_restarted_means_nothing(sleeper: Path) -> None:
    pid, start_time, _ = sleeper.read_text().split()
    earlier = sleeper.with_name("earlier")
    earlier.write_text(f"{pid} {start_time} another-boot\n")

    assert processes.recorded(earlier) is None
    assert processes.running(sleeper)


def test_the_next_signal_is_sent_when_one_does_not_help(tmp_path: Path) -> None:
    record, log = tmp_path / "stubborn", tmp_path / "stubborn.log"
    deaf = "trap '' TERM; echo deaf; while :; do sleep 600; done"
    processes.start(record, ["sh", "-c", deaf], log=log, environment={})
    wait_until(lambda: "deaf" in log.read_text(), "the trap to be set", seconds=10)

    processes.stop(record, signal.SIGTERM, signal.SIGKILL, seconds=0.2)

    assert not record.exists()


def test_a_process_that_no_signal_ends_is_reported(sleeper: Path) -> None:
    with pytest.raises(StackError, match="still runs"):
        processes.stop(sleeper, signal.SIGCONT, seconds=0.1)


def test_the_log_of_the_previous_run_is_kept(tmp_path: Path) -> None:
    record, log = tmp_path / "echo", tmp_path / "echo.log"
    for text in ("one", "two"):
        processes.start(record, ["echo", text], log=log, environment={})
        wait_until(lambda: processes.running(record) is None, "echo to end", seconds=10)

    assert log.read_text() == "two\n"
    assert log.with_suffix(".previous.log").read_text() == "one\n"


def test_the_variables_of_the_caller_stay_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSSLMODE", "disable")

    assert "PGSSLMODE" not in processes.run("env")


def test_a_failing_command_is_one_sentence_with_its_own_words() -> None:
    with pytest.raises(StackError, match=r"expected `ls /nowhere` to work, found: .*No such file"):
        processes.run("ls", "/nowhere")


def test_itself_is_the_calling_process() -> None:
    assert processes.itself().pid == os.getpid()
    assert processes.itself().alive()


def test_a_background_program_ends_with_its_block(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with processes.background("sh", "-c", "echo $$; exec sleep 600", log=log):
        wait_until(lambda: log.read_text() != "", "the shell to say its pid", seconds=10)
        pid = log.read_text().strip()
        assert Path("/proc", pid).exists()

    assert subprocess.run(["kill", "-0", pid], capture_output=True, check=False).returncode
