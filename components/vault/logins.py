"""Makes the logins of one environment: who reads which credential in Vault."""

from collections.abc import Sequence

import pulumi
from msgspec.structs import replace

from ..database.checkpoint_database import CheckpointDatabase
from ..inputs.names import password_problem
from ..inputs.storage import CheckpointStorageArgs
from ..ownership.check import OwnershipCheck
from .access import VaultAccess, VaultAccessArgs
from .agent import BACKUP_SUFFIX


def database_access(
    name: str,
    args: CheckpointStorageArgs,
    database: CheckpointDatabase | None,
    *,
    check: OwnershipCheck,
    parent: pulumi.Resource,
    needs: Sequence[pulumi.Resource],
) -> list[VaultAccess]:
    """Let the Jobs read their credential and, where roles are made, the application its own."""
    opts = pulumi.ResourceOptions(parent=parent)
    if database is None:
        given = args.database_password
        password = pulumi.Output.secret(given).apply(_usable) if given != "" else None
        access = _access_args(args, check, "", args.database_username, password, needs)
        return [VaultAccess(f"{name}-access", access, opts)]
    migrator, application = args.database_username, args.database_application_role
    return [
        VaultAccess(
            f"{name}-access",
            _access_args(args, check, "", migrator, database.migrator_password, needs),
            opts,
        ),
        VaultAccess(
            f"{name}-application-access",
            _access_args(args, check, "-app", application, database.application_password, needs),
            opts,
        ),
    ]


def _usable(password: str) -> str:
    # Vault keeps the first one: a later correction would not be written.
    if problem := password_problem(password):
        msg = f"databasePassword: {problem}"
        raise pulumi.RunError(msg)
    return password


def backup_access(
    name: str,
    args: CheckpointStorageArgs,
    *,
    check: OwnershipCheck,
    parent: pulumi.Resource,
    needs: Sequence[pulumi.Resource],
) -> VaultAccess:
    """Let the backups' pods alone read the bucket's key beside the Jobs' credential."""
    access = _access_args(args, check, BACKUP_SUFFIX, "", None, needs)
    access["more_policies"] = [args.vault_policy]
    return VaultAccess(f"{name}-backup-access", access, pulumi.ResourceOptions(parent=parent))


def as_backup(args: CheckpointStorageArgs) -> CheckpointStorageArgs:
    """Return the inputs of Jobs that log in as `backup_access` lets them."""
    account = args.service_account + BACKUP_SUFFIX
    return replace(args, service_account=account, vault_role=args.vault_role + BACKUP_SUFFIX)


def _access_args(
    args: CheckpointStorageArgs,
    check: OwnershipCheck,
    suffix: str,
    username: str,
    password: pulumi.Input[str] | None,
    needs: Sequence[pulumi.Resource],
) -> VaultAccessArgs:
    access: VaultAccessArgs = {
        "check": check,
        "namespace": args.namespace,
        "service_account": args.service_account + suffix,
        "role": args.vault_role + suffix,
        "policy": args.vault_policy + suffix,
        "auth_mount": args.vault_auth_mount,
        "audience": args.vault_audience,
        "kv_mount": args.vault_kv_mount,
        "secret_path": args.vault_secret_path + suffix,
        "keep_secret_versions": args.keep_secret_versions,
        "needs": needs,
    }
    if args.manage_secret and password is not None:
        access["credential"] = {
            "host": args.database_host,
            "port": str(args.database_port),
            "database": args.database_name,
            "username": username,
            "password": password,
        }
    return access
