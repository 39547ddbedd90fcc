"""A few steps of the walk that tests/soak takes for long; SEED takes others."""

import os
from collections.abc import Callable

from tests.integration.conftest import DEV
from tests.support.deployment import Deployment
from tests.support.walk import walk

# Up, a row, a refused destroy, a drift, an edited script, an `up` cut off: whoever changes the walk
# looks for another that has them.
SEED = int(os.environ.get("SEED") or 6666)
STEPS = 6


def test_a_short_random_walk_ends_each_step_where_the_model_says(
    deploy: Callable[..., Deployment],
) -> None:
    walk(deploy("short-walk", **DEV), SEED, STEPS, print)
