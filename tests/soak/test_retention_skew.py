"""Retention of a thread with a million checkpoints beside a million threads with one."""

from tests.maintenance.test_retention_skew import Skewed
from tests.maintenance.test_retention_skew import skewed as skewed

MILLION = 1_000_000


def test_a_thread_of_a_million_checkpoints_is_pruned_in_64_mib_and_200_ms_parts(
    skewed: Skewed,
) -> None:
    skewed.fill(MILLION, MILLION)

    left = skewed.kill_halfway()

    assert 1 < left <= MILLION // 2
    assert skewed.prune() == left - 1
    kept = f"SELECT count(*) FROM {{}} WHERE thread_id = '{skewed.large}'"
    found = [skewed.database.value(kept.format(f"checkpoint{part}")) for part in ("s", "_writes")]
    assert found == [1, 1]
