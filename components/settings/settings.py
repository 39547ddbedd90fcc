"""Reads an environment's settings; the only module that knows the configuration's keys."""

import difflib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pulumi
import yaml
from pulumi.runtime.config import CONFIG, get_config_env

from ..clients.kubeconfig import ambient, chosen, server
from ..clients.kubeconfig_rules import KubeconfigError
from ..clients.vault import unusable_variables
from .settings_rules import settings_problems

DEFAULT_PORT = 5432
PROJECT_FILE = Path(__file__).parents[2] / "Pulumi.yaml"


class SettingsError(pulumi.RunError):
    """All problems of an environment's settings; printed without a traceback."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One environment's settings, checked; every field is a key of Pulumi.yaml in snake case."""

    environment: str
    take_over: str
    namespace: str
    manage_namespace: bool
    manage_network_policy: bool
    name: str
    service_account: str
    kubeconfig: str
    kube_context: str
    vault_address: str
    vault_address_in_cluster: str
    vault_ca_cert_file: str
    insecure_vault_http: bool
    vault_namespace: str
    vault_server_id: str
    vault_role: str
    vault_policy: str
    vault_audience: str
    vault_auth_mount: str
    manage_vault_auth_mount: bool
    kubernetes_host_for_vault: str
    vault_kv_mount: str
    manage_vault_kv_mount: bool
    vault_secret_path: str
    manage_secret: bool
    keep_secret_versions: bool
    manage_database: bool
    database_host: str
    database_port: int
    database_admin_host: str
    database_admin_port: int
    database_server_id: str
    database_name: str
    database_username: str
    database_password: str
    database_schema: str
    database_owner: str
    database_application_role: str
    database_readers: str
    database_ca_cert_file: str
    insecure_database_ssl_mode: str
    postgres_image: str
    vault_image: str
    backoff_limit: int
    ttl_seconds_after_finished: int
    start_seconds: int
    timeout_seconds: int
    verify: str
    allow_data_loss: bool
    rollback_backup_claim: str
    application_replicas: int
    application_max_connections: int
    application_behind_pooler: bool
    backup_schedule: str
    backup_claim: str
    backup_claim_size: str
    backup_bucket: str
    backup_bucket_endpoint: str
    backup_bucket_region: str
    backup_bucket_ca_cert_file: str
    rclone_image: str
    backup_keep_days: int
    backup_timeout_seconds: int
    backup_memory: str
    restore_drill_schedule: str
    retention_schedule: str
    retention_keep_latest_after_days: int
    retention_delete_threads_after_days: int
    retention_delete_orphans: bool
    retention_dry_run: bool
    retention_timeout_seconds: int
    monitoring: bool
    monitoring_prometheus_rule: bool
    monitoring_rule_label: str
    monitoring_bytes_limit: int
    monitoring_forecast_days: int
    monitoring_verification_days: int
    monitoring_retention_hours: int
    monitoring_backup_hours: int

    @classmethod
    def load(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read the stack's configuration; `environ` fills what its keys leave empty.

        Raises:
            SettingsError: names every problem at once.

        """
        project = yaml.safe_load(PROJECT_FILE.read_text())
        declared: dict[str, dict[str, Any]] = project["config"]
        given = _given(project["name"])
        problems = list(_unknown(given, declared))
        values: dict[str, Any] = {}
        for field in fields(cls):
            key = config_key(field.name)
            try:
                values[field.name] = _parse(declared[key], given.get(key))
            except ValueError as error:
                problems.append(f"{key}: {error}")
                values[field.name] = declared[key]["default"]
        settings = _complete(cls(**values), environ)
        try:
            settings = _with_kubeconfig(settings, environ)
        except KubeconfigError as error:
            problems.append(f"kubeconfig: {error}")
        problems += _variables(environ, settings)
        problems += unusable_variables(settings.vault_ca_cert_file, environ)
        problems += settings_problems(settings, pulumi.get_stack())
        if problems:
            raise SettingsError(_complaint(problems))
        return settings


def config_key(field: str) -> str:
    """Return the configuration key of a settings field: `vault_role` is `vaultRole`."""
    first, *rest = field.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _given(project: str) -> dict[str, str]:
    """Return the stack's own keys and values; the SDK has no call that lists them."""
    everything = {**get_config_env(), **CONFIG.get()}
    prefix = f"{project}:"
    return {k.removeprefix(prefix): v for k, v in everything.items() if k.startswith(prefix)}


def _unknown(given: Mapping[str, str], declared: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted(given.keys() - declared.keys()):
        close = difflib.get_close_matches(key, declared, n=1)
        hint = f"did you mean {close[0]!r}" if close else "see the config section of Pulumi.yaml"
        yield f"{key}: no such setting; {hint}"


def _parse(declaration: Mapping[str, Any], text: str | None) -> Any:
    if text is None:
        return declaration["default"]
    if declaration["type"] == "string":
        return text
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if type(value) is not type(declaration["default"]):
        msg = f"expected {declaration['type']}, found {text!r}"
        raise ValueError(msg)
    return value


def _variables(environ: Mapping[str, str], settings: Settings) -> Iterator[str]:
    """Complain of variables that no setting takes the place of."""
    port = environ.get("PGPORT", "0")
    if not port.isdecimal():
        yield f"databasePort: expected a number in PGPORT, found {port!r}"
    for name in ("ALL_PROXY", "all_proxy"):
        if environ.get(name) and settings.manage_database:
            yield (
                f"{name}: expected it not to be set where manageDatabase is true, since the "
                "PostgreSQL provider would dial through it and libpq does not; unset it"
            )
    # Vault's Go client obeys it whatever the provider's skipTlsVerify says.
    if environ.get("VAULT_SKIP_VERIFY", "").lower() not in ("", "0", "f", "false"):
        yield (
            "VAULT_SKIP_VERIFY: expected it not to be set, since the Vault provider would verify "
            "no certificate; unset it and name the CA in vaultCaCertFile"
        )


def _complete(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """Fill empty settings from the tools' own environment variables and from other settings."""
    database = settings.database_name if settings.manage_database else ""
    vault_address = settings.vault_address or environ.get("VAULT_ADDR", "")
    port = environ.get("PGPORT", "")
    port = int(port) if port.isdecimal() else 0
    return replace(
        settings,
        vault_address=vault_address,
        vault_address_in_cluster=settings.vault_address_in_cluster or vault_address,
        vault_namespace=settings.vault_namespace or environ.get("VAULT_NAMESPACE", ""),
        vault_ca_cert_file=settings.vault_ca_cert_file or environ.get("VAULT_CACERT", ""),
        database_host=settings.database_host or environ.get("PGHOST", ""),
        database_port=settings.database_port or port or DEFAULT_PORT,
        database_admin_host=settings.database_admin_host
        or environ.get("PGHOST", "")
        or settings.database_host,
        database_admin_port=settings.database_admin_port
        or port
        or settings.database_port
        or DEFAULT_PORT,
        database_ca_cert_file=settings.database_ca_cert_file or environ.get("PGSSLROOTCERT", ""),
        database_username=settings.database_username or (database and f"{database}_migrator"),
        database_owner=settings.database_owner or (database and f"{database}_owner"),
        database_application_role=settings.database_application_role
        or (database and f"{database}_app"),
    )


def _with_kubeconfig(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """Put in the one context that is used; as text, a preview needs neither file nor cluster."""
    if settings.kubeconfig:
        kubeconfig = chosen(settings.kubeconfig, settings.kube_context)
    else:
        kubeconfig = ambient(environ, settings.kube_context)
    return replace(
        settings,
        kubeconfig=kubeconfig,
        kubernetes_host_for_vault=settings.kubernetes_host_for_vault or server(kubeconfig),
    )


def _complaint(problems: list[str]) -> str:
    stack = pulumi.get_stack()
    lines = "".join(f"\n  - {problem}" for problem in problems)
    return (
        f"the settings of environment {stack!r} have {len(problems)} problem(s), "
        f"nothing was changed:{lines}\n"
        f"change them in Pulumi.{stack}.yaml or with: pulumi config set KEY VALUE"
    )
