"""check-files.sh: the command runs only among exactly the files that it was made for."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from components.jobs.pod import CHECK_FILES
from components.kubernetes.files import sums

FILES = {"a.sql": "SELECT 1;\n", "b.sh": "echo b\n", "vault-agent.hcl": "ü\n"}


class Volume:
    """A mounted ConfigMap, with the links that Kubernetes puts into it."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.files, self._programs = folder / "files", programs
        self.termination_log = folder / "termination-log"
        data = self.files / "..2026"
        data.mkdir(parents=True)
        (self.files / "..data").symlink_to("..2026")
        for name, text in FILES.items():
            (data / name).write_text(text)
            (self.files / name).symlink_to(f"..data/{name}")

    def run(self, shell: str = "", **environment: str) -> tuple[int, str]:
        """Run the script as the Job does; return exit status and output."""
        done = subprocess.run(
            [
                shell or self._programs / "ash",
                "-c",
                CHECK_FILES,
                "check-files.sh",
                "echo",
                "ran with",
                "$@",
            ],
            env={
                "PATH": str(self._programs),
                "FILES_DIR": str(self.files),
                "FILES_SHA256": sums(FILES),
                "TERMINATION_LOG": str(self.termination_log),
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def volume(tmp_path: Path, programs: Path) -> Volume:
    return Volume(tmp_path, programs)


def test_the_command_runs_with_its_arguments_untouched(volume: Volume) -> None:
    assert volume.run() == (0, "ran with $@\n")


def change(files: Path) -> None:
    (files / "a.sql").resolve().write_text("DROP TABLE checkpoints;\n")


def swap(files: Path) -> None:
    (files / "a.sql").unlink()
    (files / "a.sql").symlink_to("..data/b.sh")


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "changed": (change, "a.sql (changed)"),
    "another's content": (swap, "a.sql (changed)"),
    "missing": (lambda files: (files / "b.sh").unlink(), "b.sh (missing)"),
    "added": (lambda files: (files / "c.sh").write_text("id\n"), "c.sh (added)"),
    "hidden": (lambda files: (files / ".psqlrc").write_text("\\! id\n"), ".psqlrc (added)"),
    "like an option": (lambda files: (files / "-c").write_text("x\n"), "-c (added)"),
    "emptied": (lambda files: (files / "a.sql").resolve().write_text(""), "a.sql (changed)"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_the_differing_file_is_named_and_nothing_runs(volume: Volume, damage: str) -> None:
    do, sentence = DAMAGE[damage]
    do(volume.files)

    status, output = volume.run()

    assert status == 14
    assert f"{volume.files}: {sentence}; " in output
    assert "ran with" not in output
    assert volume.termination_log.read_text() in output


@pytest.mark.parametrize("environment", [{"FILES_SHA256": ""}, {"FILES_DIR": "/no/such"}], ids=str)
def test_nothing_to_compare_with_is_no_proof(volume: Volume, environment: dict[str, str]) -> None:
    status, output = volume.run(**environment)

    assert status == 14
    assert "ran with" not in output


def test_a_missing_sha256sum_is_no_proof(volume: Volume, tmp_path: Path) -> None:
    # Not under busybox, which has it inside.
    assert volume.run("/bin/sh", PATH=str(tmp_path))[0] == 14
