"""How an environment's settings become the inputs of CheckpointStorage."""

from pathlib import Path

import pulumi

from ..inputs.backup import BackupArgs
from ..inputs.database import DatabaseArgs
from ..inputs.monitoring import MonitoringArgs
from ..inputs.retention import RetentionArgs
from ..inputs.storage import CheckpointStorageArgs, JobArgs
from ..inputs.vault import VaultArgs
from .settings import Settings


def storage_args(settings: Settings) -> CheckpointStorageArgs:
    """Return the component's inputs for an environment's settings."""
    args: CheckpointStorageArgs = {
        "namespace": settings.namespace,
        "manage_namespace": settings.manage_namespace,
        "manage_network_policy": settings.manage_network_policy,
        "service_account": settings.service_account,
        "kubeconfig": settings.kubeconfig,
        "kube_context": settings.kube_context,
        "vault": _vault_args(settings),
        "database": _database_args(settings),
        "jobs": _job_args(settings),
        "environment": settings.environment,
        "take_over": settings.take_over,
        "verify_always": settings.verify == "always",
        "allow_data_loss": settings.allow_data_loss,
        "backup_claim": settings.rollback_backup_claim,
        "backup_memory": settings.backup_memory,
    }
    if settings.backup_schedule:
        args["backup"] = _backup_args(settings)
    if settings.retention_schedule:
        args["retention"] = _retention_args(settings)
    if settings.monitoring:
        args["monitoring"] = _monitoring_args(settings)
    return args


def _job_args(settings: Settings) -> JobArgs:
    return {
        "name": settings.name,
        "postgres_image": settings.postgres_image,
        "vault_image": settings.vault_image,
        "backoff_limit": settings.backoff_limit,
        "ttl_seconds": settings.ttl_seconds_after_finished,
        "start_seconds": settings.start_seconds,
        "timeout_seconds": settings.timeout_seconds,
    }


def _retention_args(settings: Settings) -> RetentionArgs:
    return {
        "schedule": settings.retention_schedule,
        "keep_latest_after_days": settings.retention_keep_latest_after_days,
        "delete_threads_after_days": settings.retention_delete_threads_after_days,
        "delete_orphans": settings.retention_delete_orphans,
        "dry_run": settings.retention_dry_run,
        "timeout_seconds": settings.retention_timeout_seconds,
    }


def _monitoring_args(settings: Settings) -> MonitoringArgs:
    return {
        "environment": settings.environment,
        "namespace": settings.namespace,
        "name": settings.name,
        "database": settings.database_name,
        "schema": settings.database_schema,
        "prometheus_rule": settings.monitoring_prometheus_rule,
        "rule_label": settings.monitoring_rule_label,
        "bytes_limit": settings.monitoring_bytes_limit,
        "forecast_days": settings.monitoring_forecast_days,
        "verification_days": settings.monitoring_verification_days,
        "retention_hours": (
            settings.monitoring_retention_hours if settings.retention_schedule else 0
        ),
        "backup_hours": settings.monitoring_backup_hours if settings.backup_schedule else 0,
    }


def _backup_args(settings: Settings) -> BackupArgs:
    args: BackupArgs = {
        "schedule": settings.backup_schedule,
        "drill_schedule": settings.restore_drill_schedule,
        "keep_days": settings.backup_keep_days,
        "timeout_seconds": settings.backup_timeout_seconds,
        "memory": settings.backup_memory,
        "claim": settings.backup_claim,
        "claim_size": settings.backup_claim_size,
    }
    if settings.backup_bucket:
        args["bucket"] = {
            "path": settings.backup_bucket,
            "endpoint": settings.backup_bucket_endpoint,
            "region": settings.backup_bucket_region,
            "ca_certificate": _pem(settings.backup_bucket_ca_cert_file),
            "image": settings.rclone_image,
            "network_policy": settings.manage_network_policy,
            "kv_mount": settings.vault_kv_mount,
            "secret_path": f"{settings.vault_secret_path}-backup",
        }
    return args


def _vault_args(settings: Settings) -> VaultArgs:
    args: VaultArgs = {
        "server": {
            "address": settings.vault_address,
            "ca_file": settings.vault_ca_cert_file,
            "namespace": settings.vault_namespace,
            "id": settings.vault_server_id,
        },
        "address": settings.vault_address_in_cluster,
        "ca_certificate": _pem(settings.vault_ca_cert_file),
        "namespace": settings.vault_namespace,
        "auth_mount": settings.vault_auth_mount,
        "kv_mount": settings.vault_kv_mount,
        "manage_kv_mount": settings.manage_vault_kv_mount,
        "role": settings.vault_role,
        "policy": settings.vault_policy,
        "audience": settings.vault_audience,
        "secret_path": settings.vault_secret_path,
        "manage_secret": settings.manage_secret,
        "keep_secret_versions": settings.keep_secret_versions,
    }
    if settings.manage_vault_auth_mount:
        args["kubernetes_host"] = settings.kubernetes_host_for_vault
    return args


def _database_args(settings: Settings) -> DatabaseArgs:
    args: DatabaseArgs = {
        "manage": settings.manage_database,
        "server": {
            "host": settings.database_admin_host,
            "port": settings.database_admin_port,
            "id": settings.database_server_id,
        },
        "host": settings.database_host,
        "port": settings.database_port,
        "name": settings.database_name,
        "schema": settings.database_schema,
        "username": settings.database_username,
        "owner": settings.database_owner,
        "application_role": settings.database_application_role,
        "readers": settings.database_readers,
        "ssl_mode": settings.insecure_database_ssl_mode or "verify-full",
        "ca_certificate": _pem(settings.database_ca_cert_file),
    }
    if settings.database_password:
        args["password"] = pulumi.Output.secret(settings.database_password)
    return args


def _pem(path: str) -> str:
    return Path(path).read_text() if path else ""
