"""What the Jobs get from the component's inputs: their common template and their files."""

import json
from collections.abc import Mapping

from .job_template import JobTemplate
from .manifests import Cluster
from .migration_files import SCRIPTS, load_migrations, load_scripts, render, sums
from .pod import CREDENTIALS_DIR, DATABASE_CA, FILES_DIR, VAULT_CA
from .storage_args import CheckpointStorageArgs, DatabaseArgs, VaultArgs


def job_template(args: CheckpointStorageArgs, files: Mapping[str, str]) -> JobTemplate:
    """Return what the migration, verification and rollback Jobs share."""
    jobs = args["jobs"]
    return JobTemplate(
        cluster=Cluster(kubeconfig=args["kubeconfig"], context=args["kube_context"]),
        environment=args["environment"],
        namespace=args["namespace"],
        name=jobs["name"],
        service_account=args["service_account"],
        vault_image=jobs["vault_image"],
        postgres_image=jobs["postgres_image"],
        vault_environment=_vault_environment(args["vault"]),
        database_environment=_database_environment(args["database"]),
        audience=args["vault"]["audience"],
        files_sha256=sums(files),
        backoff_limit=jobs["backoff_limit"],
        ttl_seconds=jobs["ttl_seconds"],
        start_seconds=jobs["start_seconds"],
        timeout_seconds=jobs["timeout_seconds"],
    )


def job_files(args: CheckpointStorageArgs) -> dict[str, str]:
    """Return the files that the Jobs mount, by name; none of them holds a secret."""
    vault, database = args["vault"], args["database"]
    agent = render(
        SCRIPTS / "vault-agent.hcl",
        {
            "auth_mount": vault["auth_mount"],
            "role": vault["role"],
            "secret_path": secret_read_path(vault),
            "credentials_dir": CREDENTIALS_DIR,
        },
    )
    certificates = {VAULT_CA: vault["ca_certificate"], DATABASE_CA: database["ca_certificate"]}
    return {
        **load_migrations(),
        **load_scripts(),
        "vault-agent.hcl": agent,
        **{name: pem for name, pem in certificates.items() if pem},
    }


def secret_read_path(vault: VaultArgs) -> str:
    """Return the path at which KV version 2 reads the database's secret."""
    return f"{vault['kv_mount']}/data/{vault['secret_path']}"


def dump_setting(args: CheckpointStorageArgs) -> str:
    """Return the settings that ask for dumps, as a message names them."""
    asking = {"backupSchedule": "backup" in args, "rollbackBackupClaim": args["backup_claim"]}
    return " and ".join(setting for setting, asks in asking.items() if asks)


def _vault_environment(vault: VaultArgs) -> dict[str, str]:
    environment = {
        "VAULT_ADDR": vault["address"],
        "VAULT_ROLE": vault["role"],
        "SECRET_PATH": f"{vault['kv_mount']}/{vault['secret_path']}",
    }
    if vault["ca_certificate"]:
        environment["VAULT_CACERT"] = f"{FILES_DIR}/{VAULT_CA}"
    if vault["namespace"]:
        environment["VAULT_NAMESPACE"] = vault["namespace"]
    return environment


def _database_environment(database: DatabaseArgs) -> dict[str, str]:
    # "system" makes libpq 16 and newer trust the image's public CAs.
    ca = f"{FILES_DIR}/{DATABASE_CA}" if database["ca_certificate"] else "system"
    environment = {
        "SCHEMA": database["schema"],
        "OWNER_ROLE": database["owner"],
        "APP_ROLE": database["application_role"],
        "READER_ROLES": database.get("readers", ""),
        "OWNS_DATABASE": json.dumps(database["manage"]),
        "PGSSLMODE": database["ssl_mode"],
    }
    if database["ssl_mode"].startswith("verify-"):
        environment["PGSSLROOTCERT"] = ca
    return environment
