"""Walks an environment through random operations; SEED repeats a walk, STEPS sets its length."""

import os
from collections.abc import Callable
from random import randrange

import pytest

from tests.integration.conftest import DEV
from tests.support.deployment import Deployment
from tests.support.walk import walk

SEED = int(os.environ.get("SEED") or randrange(2**32))  # noqa: S311
STEPS = int(os.environ.get("STEPS") or 200)


def test_every_step_of_a_random_walk_ends_where_the_model_says(
    deploy: Callable[..., Deployment], capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        print()
        walk(deploy("walk", **DEV), SEED, STEPS, lambda text: print(text, flush=True))
