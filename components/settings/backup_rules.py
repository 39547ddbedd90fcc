"""What an environment's settings of backups must fulfil."""

import re
from collections.abc import Iterator

from .certificates import no_certificate
from .cron import cron_problem
from .fields import Fields
from .ranges import out_of_range

CLAIM = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
SIZE = re.compile(r"[1-9]\d*[MGT]i")
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/\w[\w.-]*)*", re.ASCII)
# No http: a dump holds what users wrote.
ENDPOINT = re.compile(r"https://([\w.-]+|\[[\da-fA-F:.]+\])(:\d{1,5})?/?", re.ASCII)
REGION = re.compile(r"(\w[\w-]*)?", re.ASCII)
# A CronJob's name has 52 characters, "-restore-drill" included.
NAME_LENGTH = 38


def backup_problems(settings: Fields) -> Iterator[str]:
    """Return every problem of the settings that begin with backup or are about dumps."""
    yield from _claims(settings)
    for key, schedule in (
        ("backupSchedule", settings.backup_schedule),
        ("restoreDrillSchedule", settings.restore_drill_schedule),
    ):
        if schedule and (problem := cron_problem(key, schedule, "30 2 * * *")):
            yield problem
    if settings.restore_drill_schedule and not settings.backup_schedule:
        yield "restoreDrillSchedule: expected backupSchedule too, since a drill needs a dump"
    if settings.backup_schedule and bool(settings.backup_claim) == bool(settings.backup_bucket):
        found = "both" if settings.backup_claim else "neither"
        yield f"backupClaim, backupBucket: expected one of them for backupSchedule, found {found}"
    yield from _bucket(settings)
    if settings.backup_schedule and len(settings.name) > NAME_LENGTH:
        yield (
            f"name: expected at most {NAME_LENGTH} characters with backupSchedule, since a "
            f"CronJob's name has at most 52, found {settings.name!r}"
        )
    if settings.backup_claim_size and not SIZE.fullmatch(settings.backup_claim_size):
        yield f"backupClaimSize: expected a size such as 20Gi, found {settings.backup_claim_size!r}"
    if not SIZE.fullmatch(settings.backup_memory):
        yield f"backupMemory: expected a size such as 1Gi, found {settings.backup_memory!r}"
    yield from out_of_range(
        (
            ("backupKeepDays", settings.backup_keep_days, 1, 3650),
            ("backupTimeoutSeconds", settings.backup_timeout_seconds, 60, 10**6),
        )
    )


def _bucket(settings: Fields) -> Iterator[str]:
    if settings.backup_bucket and not BUCKET.fullmatch(settings.backup_bucket):
        yield (
            "backupBucket: expected a bucket's name, and a prefix behind a slash, found "
            f"{settings.backup_bucket!r}"
        )
    endpoint = settings.backup_bucket_endpoint
    if endpoint and not ENDPOINT.fullmatch(endpoint):
        yield (
            "backupBucketEndpoint: expected a URL such as https://s3.example.com:9000, found "
            f"{'one with a user in it' if '@' in endpoint else repr(endpoint)}"
        )
    if not REGION.fullmatch(settings.backup_bucket_region):
        yield f"backupBucketRegion: expected a name, found {settings.backup_bucket_region!r}"
    yield from no_certificate("backupBucketCaCertFile", settings.backup_bucket_ca_cert_file)


def _claims(settings: Fields) -> Iterator[str]:
    for key, claim in (
        ("rollbackBackupClaim", settings.rollback_backup_claim),
        ("backupClaim", settings.backup_claim),
    ):
        if claim and not CLAIM.fullmatch(claim):
            yield (
                f"{key}: expected the name of a PersistentVolumeClaim in lower-case "
                f"letters, digits and '-', at most 63, found {claim!r}"
            )
        if claim and settings.manage_namespace:
            yield (
                f"{key}: expected manageNamespace to be false, since the claim and the "
                "dump in it would go with the namespace"
            )
