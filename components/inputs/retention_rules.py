"""What the inputs of retention must fulfil together."""

from collections.abc import Iterator

from .storage import CheckpointStorageArgs

# A CronJob's name has 52 characters, "-retention" included.
NAME_LENGTH = 42


def retention_problems(args: CheckpointStorageArgs) -> Iterator[str]:
    """Return every problem of the inputs that begin with retention."""
    yield from _schedule(args)
    yield from _days(args)


def _schedule(args: CheckpointStorageArgs) -> Iterator[str]:
    schedule = args.retention_schedule
    if schedule and len(args.name) > NAME_LENGTH:
        yield (
            f"name: expected at most {NAME_LENGTH} characters with retentionSchedule, since a "
            f"CronJob's name has at most 52, found {args.name!r}"
        )


def _days(args: CheckpointStorageArgs) -> Iterator[str]:
    schedule = args.retention_schedule
    keep, delete = (
        args.retention_keep_latest_after_days,
        args.retention_delete_threads_after_days,
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
    if args.retention_delete_orphans and not keep:
        yield (
            "retentionDeleteOrphans: expected retentionKeepLatestAfterDays too, since orphans are "
            "looked for in the threads that it prunes"
        )
    if 0 < delete <= keep:
        yield (
            "retentionDeleteThreadsAfterDays: expected more than the "
            f"{keep} days of retentionKeepLatestAfterDays, found {delete}"
        )
