"""What the Jobs get from the component's inputs: their common template and their files."""

import json
from collections.abc import Mapping

from ..clients.cluster import Cluster
from ..inputs.database import DatabaseArgs
from ..inputs.storage import CheckpointStorageArgs
from ..inputs.vault import VaultArgs
from ..kubernetes.files import sums
from .pod import DATABASE_CA, FILES_DIR, VAULT_CA
from .template import JobTemplate


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
