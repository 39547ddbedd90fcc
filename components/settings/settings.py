"""Loads an environment's settings, completes them from the shell, and has them checked."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pulumi
import yaml

from ..clients.kubeconfig import ambient, chosen, server
from ..clients.kubeconfig_rules import KubeconfigError
from ..clients.vault import unusable_variables
from .configuration import config_key, given, parse, unknown
from .fields import Fields
from .settings_rules import settings_problems

DEFAULT_PORT = 5432
PROJECT_FILE = Path(__file__).parents[2] / "Pulumi.yaml"


class SettingsError(pulumi.RunError):
    """All problems of an environment's settings; printed without a traceback."""


class Settings(Fields):
    """One environment's settings, checked."""

    @classmethod
    def load(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read the stack's configuration; `environ` fills what its keys leave empty.

        Raises:
            SettingsError: names every problem at once.

        """
        project = yaml.safe_load(PROJECT_FILE.read_text())
        declared: dict[str, dict[str, Any]] = project["config"]
        found = given(project["name"])
        problems = list(unknown(found, declared))
        values: dict[str, Any] = {}
        for field in fields(cls):
            key = config_key(field.name)
            try:
                values[field.name] = parse(declared[key], found.get(key))
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
