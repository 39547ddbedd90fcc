"""Who may read which credential in Vault."""

from collections.abc import Sequence

import pulumi

from ..database.checkpoint_database import CheckpointDatabase
from ..inputs.backup import BucketArgs
from ..inputs.storage import CheckpointStorageArgs
from ..ownership.check import OwnershipCheck
from .access import VaultAccess, VaultAccessArgs

BACKUP_SUFFIX = "-backup"


def accesses(
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
        password = args["database"].get("password")
        access = _access_args(args, check, "", args["database"]["username"], password, needs)
        return [VaultAccess(f"{name}-access", access, opts)]
    migrator, application = args["database"]["username"], args["database"]["application_role"]
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


def backup_access(
    name: str,
    args: CheckpointStorageArgs,
    bucket: BucketArgs,
    *,
    check: OwnershipCheck,
    parent: pulumi.Resource,
    needs: Sequence[pulumi.Resource],
) -> VaultAccess:
    """Let the backups' pods alone read the bucket's key beside the Jobs' credential."""
    access = _access_args(args, check, BACKUP_SUFFIX, "", None, needs)
    access["kv_mount"], access["secret_path"] = bucket["kv_mount"], bucket["secret_path"]
    access["more_policies"] = [args["vault"]["policy"]]
    return VaultAccess(f"{name}-backup-access", access, pulumi.ResourceOptions(parent=parent))


def as_backup(args: CheckpointStorageArgs) -> CheckpointStorageArgs:
    """Return the inputs of Jobs that log in as `backup_access` lets them."""
    account = args["service_account"] + BACKUP_SUFFIX
    role = args["vault"]["role"] + BACKUP_SUFFIX
    return {**args, "service_account": account, "vault": {**args["vault"], "role": role}}


def _access_args(
    args: CheckpointStorageArgs,
    check: OwnershipCheck,
    suffix: str,
    username: str,
    password: pulumi.Input[str] | None,
    needs: Sequence[pulumi.Resource],
) -> VaultAccessArgs:
    vault_args, database = args["vault"], args["database"]
    access: VaultAccessArgs = {
        "check": check,
        "namespace": args["namespace"],
        "service_account": args["service_account"] + suffix,
        "role": vault_args["role"] + suffix,
        "policy": vault_args["policy"] + suffix,
        "auth_mount": vault_args["auth_mount"],
        "audience": vault_args["audience"],
        "kv_mount": vault_args["kv_mount"],
        "secret_path": vault_args["secret_path"] + suffix,
        "keep_secret_versions": vault_args["keep_secret_versions"],
        "needs": needs,
    }
    if vault_args["manage_secret"] and password is not None:
        access["credential"] = {
            "host": database["host"],
            "port": str(database["port"]),
            "database": database["name"],
            "username": username,
            "password": password,
        }
    return access
