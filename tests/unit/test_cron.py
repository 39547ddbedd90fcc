import pytest

from components.inputs import cron
from tests.support.schedules import REFUSED, REFUSED_HERE, TAKEN


@pytest.mark.parametrize("schedule", TAKEN)
def test_a_schedule_that_the_api_server_takes_passes(schedule: str) -> None:
    assert cron.schedule(schedule) is None


@pytest.mark.parametrize("schedule", [each for each in (*REFUSED, *REFUSED_HERE) if each])
def test_a_schedule_that_it_refuses_is_named(schedule: str) -> None:
    problem = cron.schedule(schedule)

    assert problem is not None
    assert problem.startswith(
        f"expected five fields of cron such as '30 2 * * *', found {schedule!r}"
    )


@pytest.mark.parametrize(
    ("schedule", "reason"),
    [
        ("99 * * * *", "the minute goes from 0 to 59, found '99'"),
        ("0 25 * * *", "the hour goes from 0 to 23, found '25'"),
        ("0 0 * * 7", "the day of the week goes from 0 to 6 or sun to sat, found '7'"),
    ],
)
def test_the_field_that_is_wrong_is_named(schedule: str, reason: str) -> None:
    problem = cron.schedule(schedule)

    assert problem is not None
    assert problem.endswith(f": {reason}")
