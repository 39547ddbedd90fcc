import io
from pathlib import Path

import pytest

from devstack import cache
from devstack.toolchain.progress import INTERVAL, Progress, Speed, in_words


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache.root().mkdir()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_nothing_is_estimated_before_the_machine_has_shown_its_speed() -> None:
    progress = Progress(1000, lambda _: None, Speed(), io.StringIO())
    progress.done = 10

    assert progress.text() == "  10 of 1000 packages"


def test_the_first_estimate_is_of_earlier_builds_and_the_next_of_this_one(clock: Clock) -> None:
    Speed().learn(1000, seconds=100)
    progress = Progress(1000, lambda _: None, Speed(), io.StringIO(), clock)

    first, clock.now, progress.done = progress.text(), 100, 500

    assert first == "  0 of 1000 packages, about 2 min left"
    assert progress.text() == "  500 of 1000 packages, about 2 min left"
    progress.done, clock.now = 900, 450
    assert progress.text() == "  900 of 1000 packages, about 50 s left"
    progress.done = 1000
    assert progress.text() == "  1000 of 1000 packages, linking"


def test_a_build_changes_half_of_what_is_known_and_a_short_one_nothing() -> None:
    speed = Speed()
    speed.learn(1000, seconds=100)
    speed.learn(1000, seconds=50)
    speed.learn(3, seconds=100)

    assert speed.read() == 15


def test_a_spoilt_file_of_the_speed_is_as_none() -> None:
    (cache.root() / "packages-per-second").write_text("")

    assert Speed().read() is None


def test_elsewhere_than_on_a_terminal_a_line_comes_each_half_minute(clock: Clock) -> None:
    said: list[str] = []
    stream = io.StringIO()
    progress = Progress(100, said.append, Speed(), stream, clock)

    for second in range(3 * INTERVAL + 1):
        clock.now, progress.done = second, second
        progress.tick()

    assert len(said) == 3
    assert said[-1] == "  90 of 100 packages, about 10 s left"
    assert stream.getvalue() == ""


def test_a_terminal_has_a_bar_that_is_gone_when_the_build_ends() -> None:
    stream = Terminal()
    said: list[str] = []
    progress = Progress(2, said.append, Speed(), stream)

    with progress.shown():
        progress.done = 1
        progress.tick()

    assert "[############            ] 1 of 2 packages" in stream.getvalue()
    assert stream.getvalue().endswith("\r\x1b[K")
    assert said == []


def test_a_build_that_fails_teaches_nothing() -> None:
    progress = Progress(100, lambda _: None, Speed(), io.StringIO())
    progress.done = 100

    def fail() -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError), progress.shown():
        fail()

    assert Speed().read() is None


@pytest.mark.parametrize(("seconds", "words"), [(0, "0 s"), (89, "89 s"), (91, "2 min")])
def test_durations_are_rough(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
