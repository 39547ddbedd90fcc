import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from devstack import cache

# Forked children inherit the environment that points at the test's own cache.
FORK = multiprocessing.get_context("fork")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def refuse() -> None:
    msg = "nobody else builds"
    raise AssertionError(msg)


def write_slowly(scratch: Path) -> None:
    (scratch / "started").touch()
    time.sleep(0.3)
    (scratch / f"built-by-{os.getpid()}").touch()


def test_a_folder_is_filled_once() -> None:
    first = cache.folder("tool", lambda scratch: (scratch / "file").touch(), refuse)
    second = cache.folder("tool", lambda _: refuse(), refuse)

    assert first == second
    assert [file.name for file in second.iterdir()] == ["file"]


def test_a_failed_build_leaves_nothing_that_looks_complete() -> None:
    def fail(scratch: Path) -> None:
        (scratch / "half").touch()
        msg = "no compiler"
        raise RuntimeError(msg)

    with pytest.raises(RuntimeError, match="no compiler"):
        cache.folder("tool", fail, refuse)

    assert [path.name for path in cache.root().iterdir()] == ["tool.lock"]


def test_a_killed_build_is_swept_away_and_done_anew() -> None:
    def build_for_ever(scratch: Path) -> None:
        (scratch / "half").touch()
        signal.pause()

    killed = FORK.Process(target=cache.folder, args=("tool", build_for_ever, refuse))
    killed.start()
    while not list(cache.root().glob(".tool.*/half")):
        time.sleep(0.01)
    killed.kill()
    killed.join()

    built = cache.folder("tool", lambda scratch: (scratch / "whole").touch(), refuse)

    assert [file.name for file in built.iterdir()] == ["whole"]
    assert not list(cache.root().glob(".tool.*"))


def test_two_processes_at_once_build_only_once() -> None:
    other = FORK.Process(target=cache.folder, args=("tool", write_slowly, refuse))
    other.start()
    while not list(cache.root().glob(".tool.*/started")):
        time.sleep(0.01)
    waited: list[str] = []

    built = cache.folder("tool", write_slowly, lambda: waited.append("waited"))
    other.join()

    assert (built / f"built-by-{other.pid}").exists()
    assert not (built / f"built-by-{os.getpid()}").exists()
    assert waited == ["waited"]


def test_digest_tells_apart_what_only_looks_alike_when_joined() -> None:
    assert cache.digest(["ab", "c"]) != cache.digest(["a", "bc"])


def test_the_folders_of_a_kind_that_were_asked_for_last_stay() -> None:
    def name(number: int, kind: str = "tool") -> str:
        return f"{kind}-{number:016x}"

    def ask_for(wanted: str) -> None:
        cache.folder(wanted, lambda _: None, refuse)
        for path in cache.root().iterdir():
            before = path.stat().st_mtime - 10
            os.utime(path, (before, before))

    ask_for(name(0, kind="tool-of-another-kind"))
    ask_for("tool-1.2.3")
    for number in range(cache.KEPT_OF_A_KIND):
        ask_for(name(number))
    ask_for(name(0))
    ask_for(name(99))

    kept = [0, *range(2, cache.KEPT_OF_A_KIND), 99]
    assert sorted(path.name for path in cache.root().iterdir() if path.is_dir()) == sorted(
        [name(0, kind="tool-of-another-kind"), "tool-1.2.3", *map(name, kept)]
    )
