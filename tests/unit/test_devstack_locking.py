"""One process at a time changes a stack, also when the lock's file was removed meanwhile."""

import threading
from pathlib import Path

from devstack.locking import locked


def test_the_lock_makes_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "new" / "lock"

    with locked(path, lambda _: None):
        assert path.exists()


def test_a_second_holder_waits_and_says_so(tmp_path: Path) -> None:
    path, order, waiting = tmp_path / "lock", [], threading.Event()

    def second() -> None:
        with locked(path, lambda _: waiting.set()):
            order.append("second")

    thread = threading.Thread(target=second)
    with locked(path, lambda _: None):
        thread.start()
        assert waiting.wait(10)
        order.append("first")
    thread.join(10)

    assert order == ["first", "second"]


def test_a_lock_removed_by_its_holder_is_made_anew(tmp_path: Path) -> None:
    path, seen, waiting = tmp_path / "lock", [], threading.Event()

    def second() -> None:
        with locked(path, lambda _: waiting.set()):
            seen.append(path.exists())

    thread = threading.Thread(target=second)
    with locked(path, lambda _: None):
        thread.start()
        assert waiting.wait(10)
        path.unlink()
    thread.join(10)

    assert seen == [True]
