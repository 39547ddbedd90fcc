"""Checkpoint storage as a part of a program of one's own; the program makes all that it needs."""

import pulumi

from components.checkpoint_storage import CheckpointStorage, CheckpointStorageArgs

config = pulumi.Config()

storage = CheckpointStorage(
    "checkpoints",
    CheckpointStorageArgs(
        namespace="from-python",
        manage_namespace=True,
        vault_address=config.require("vaultAddress"),
        vault_auth_mount="from-python-kubernetes",
        manage_vault_auth_mount=True,
        vault_kv_mount="from-python-kv",
        manage_vault_kv_mount=True,
        vault_policy="from-python",
        manage_secret=True,
        keep_secret_versions=False,
        database_host=config.require("databaseHost"),
        database_name="from_python",
        manage_database=True,
        backoff_limit=0,
    ),
)

pulumi.export("schemaVersion", storage.schema_version)
pulumi.export("verification", storage.verification)
