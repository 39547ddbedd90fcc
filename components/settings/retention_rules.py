"""What an environment's settings of retention must fulfil."""

from collections.abc import Iterator

from .cron import cron_problem
from .fields import Fields
from .ranges import out_of_range

# A CronJob's name has 52 characters, "-retention" included.
NAME_LENGTH = 42


def retention_problems(settings: Fields) -> Iterator[str]:
    """Return every problem of the settings that begin with retention."""
    yield from _schedule(settings)
    yield from _days(settings)


def _schedule(settings: Fields) -> Iterator[str]:
    schedule = settings.retention_schedule
    if schedule and (problem := cron_problem("retentionSchedule", schedule, "30 3 * * *")):
        yield problem
    if schedule and len(settings.name) > NAME_LENGTH:
        yield (
            f"name: expected at most {NAME_LENGTH} characters with retentionSchedule, since a "
            f"CronJob's name has at most 52, found {settings.name!r}"
        )


def _days(settings: Fields) -> Iterator[str]:
    schedule = settings.retention_schedule
    keep, delete = (
        settings.retention_keep_latest_after_days,
        settings.retention_delete_threads_after_days,
    )
    if schedule and not keep and not delete:
        yield (
            "retentionKeepLatestAfterDays, retentionDeleteThreadsAfterDays: expected days for at "
            "least one of them, since retentionSchedule is set"
        )
    if not schedule and (keep or delete):
        yield (
            "retentionSchedule: expected five fields of cron such as '30 3 * * *', since days are "
            "set after which to prune or delete, found nothing"
        )
    if settings.retention_delete_orphans and not keep:
        yield (
            "retentionDeleteOrphans: expected retentionKeepLatestAfterDays too, since orphans are "
            "looked for in the threads that it prunes"
        )
    if 0 < delete <= keep:
        yield (
            "retentionDeleteThreadsAfterDays: expected more than the "
            f"{keep} days of retentionKeepLatestAfterDays, found {delete}"
        )
    yield from out_of_range(
        (
            ("retentionKeepLatestAfterDays", keep, 0, 36500),
            ("retentionDeleteThreadsAfterDays", delete, 0, 36500),
            ("retentionTimeoutSeconds", settings.retention_timeout_seconds, 180, 10**6),
        )
    )
