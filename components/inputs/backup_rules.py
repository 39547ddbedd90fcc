"""What the inputs of backups must fulfil together."""

from collections.abc import Iterator

from .cron import EXAMPLE
from .storage import CheckpointStorageArgs

# A CronJob's name has 52 characters, "-restore-drill" included.
NAME_LENGTH = 38


def backup_problems(args: CheckpointStorageArgs) -> Iterator[str]:
    """Return every problem of the inputs that begin with backup or are about dumps."""
    yield from _claims(args)
    if args.restore_drill_schedule and not args.backup_schedule:
        yield "restoreDrillSchedule: expected backupSchedule too, since a drill needs a dump"
    if args.backup_schedule and bool(args.backup_claim) == bool(args.backup_bucket):
        found = "both" if args.backup_claim else "neither"
        yield f"backupClaim, backupBucket: expected one of them for backupSchedule, found {found}"
    if args.backup_schedule and len(args.name) > NAME_LENGTH:
        yield (
            f"name: expected at most {NAME_LENGTH} characters with backupSchedule, since a "
            f"CronJob's name has at most 52, found {args.name!r}"
        )


def _claims(args: CheckpointStorageArgs) -> Iterator[str]:
    for key, claim in (
        ("rollbackBackupClaim", args.rollback_backup_claim),
        ("backupClaim", args.backup_claim),
    ):
        if claim and args.manage_namespace:
            yield (
                f"{key}: expected manageNamespace to be false, since the claim and the "
                "dump in it would go with the namespace"
            )
    if args.backup_claim_size and not args.backup_claim:
        yield "backupClaimSize: expected backupClaim too, since it is the size of that claim"
    for key, place in (("backupClaim", args.backup_claim), ("backupBucket", args.backup_bucket)):
        if place and not args.backup_schedule:
            yield (
                f"backupSchedule: expected five fields of cron such as {EXAMPLE!r}, since {key} is "
                f"set, found nothing; set it, or remove {key} (a dump before a rollback goes to "
                "rollbackBackupClaim)"
            )
