from collections.abc import Callable

import pytest

from devstack.toolchain import reduced
from devstack.toolchain.patched import Patched

CUTS = [
    reduced.engine,
    reduced.kubernetes_provider,
    reduced.kubernetes,
    reduced.api_server,
    reduced.vault_provider,
    reduced.terraform_sdk,
]


@pytest.mark.parametrize("cut", CUTS, ids=lambda cut: cut.__name__)
def test_the_switch_leaves_everything_in(
    cut: Callable[[str, str], Patched], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(reduced.COMPLETE, raising=False)
    less = cut("example.com/x@v1", "x")
    monkeypatch.setenv(reduced.COMPLETE, "1")
    complete = cut("example.com/x@v1", "x")

    assert less.absent
    assert (complete.absent, complete.without, complete.added) == ((), (), ())


def test_what_the_engines_release_asks_for_is_adapted_in_both(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    less = reduced.kubernetes_provider("example.com/x@v1", "x")
    monkeypatch.setenv(reduced.COMPLETE, "1")

    assert reduced.kubernetes_provider("example.com/x@v1", "x").edits == less.edits != ()
