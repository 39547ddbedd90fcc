"""Checkpoint storage as a part of a program of one's own; the program makes all that it needs."""

import pulumi

from components.checkpoint_storage import CheckpointStorage

config = pulumi.Config()
vault_address, certificate = config.require("vaultAddress"), config.require("certificate")

storage = CheckpointStorage(
    "checkpoints",
    {
        "environment": pulumi.get_stack(),
        "namespace": "from-python",
        "manage_namespace": True,
        "manage_network_policy": True,
        "service_account": "agent-executor",
        "kubeconfig": "",
        "kube_context": "",
        "allow_data_loss": False,
        "backup_claim": "",
        "verify_always": False,
        "vault": {
            "server": {
                "address": vault_address,
                "ca_file": config.require("vaultCaFile"),
                "namespace": "",
            },
            "address": vault_address,
            "ca_certificate": certificate,
            "namespace": "",
            "auth_mount": "from-python-kubernetes",
            "kubernetes_host": config.require("kubernetesHost"),
            "kv_mount": "from-python-kv",
            "manage_kv_mount": True,
            "role": "from-python",
            "policy": "from-python",
            "audience": "vault",
            "secret_path": "agent-executor/postgres",
            "manage_secret": True,
            "keep_secret_versions": False,
        },
        "database": {
            "manage": True,
            "host": config.require("databaseHost"),
            "port": 5432,
            "name": "from_python",
            "schema": "public",
            "username": "from_python_migrator",
            "owner": "from_python_owner",
            "application_role": "from_python_app",
            "ssl_mode": "verify-full",
            "ca_certificate": certificate,
        },
        "jobs": {
            "name": "agent-executor",
            "postgres_image": "postgres:16-alpine",
            "vault_image": "hashicorp/vault:1.15",
            "backoff_limit": 0,
            "ttl_seconds": 3600,
            "start_seconds": 45,
            "timeout_seconds": 300,
        },
    },
)

pulumi.export("schemaVersion", storage.schema_version)
pulumi.export("verification", storage.verification)
