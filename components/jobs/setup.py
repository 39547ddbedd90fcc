"""What the Jobs get from the component's inputs: their common template and their files."""

import json
from collections.abc import Mapping

from ..clients.cluster import Cluster
from ..inputs.derived import ssl_mode
from ..inputs.storage import CheckpointStorageArgs
from ..kubernetes.files import sums
from .pod import DATABASE_CA, FILES_DIR, VAULT_CA
from .template import JobTemplate


def job_template(args: CheckpointStorageArgs, files: Mapping[str, str]) -> JobTemplate:
    """Return what the migration, verification and rollback Jobs share."""
    return JobTemplate(
        cluster=Cluster(kubeconfig=args.kubeconfig, context=args.kube_context),
        environment=args.environment,
        namespace=args.namespace,
        name=args.name,
        service_account=args.service_account,
        vault_image=args.vault_image,
        postgres_image=args.postgres_image,
        vault_environment=_vault_environment(args),
        database_environment=_database_environment(args),
        audience=args.vault_audience,
        files_sha256=sums(files),
        backoff_limit=args.backoff_limit,
        ttl_seconds=args.ttl_seconds_after_finished,
        start_seconds=args.start_seconds,
        timeout_seconds=args.timeout_seconds,
        patch=args.pod_template,
    )


def _vault_environment(args: CheckpointStorageArgs) -> dict[str, str]:
    environment = {
        "VAULT_ADDR": args.vault_address_in_cluster,
        "VAULT_ROLE": args.vault_role,
        "SECRET_PATH": f"{args.vault_kv_mount}/{args.vault_secret_path}",
    }
    if args.vault_ca_cert_file:
        environment["VAULT_CACERT"] = f"{FILES_DIR}/{VAULT_CA}"
    if args.vault_namespace:
        environment["VAULT_NAMESPACE"] = args.vault_namespace
    return environment


def _database_environment(args: CheckpointStorageArgs) -> dict[str, str]:
    # "system" makes libpq 16 and newer trust the image's public CAs.
    ca = f"{FILES_DIR}/{DATABASE_CA}" if args.database_ca_cert_file else "system"
    mode = ssl_mode(args)
    environment = {
        "SCHEMA": args.database_schema,
        "OWNER_ROLE": args.database_owner,
        "APP_ROLE": args.database_application_role,
        "READER_ROLES": args.database_readers,
        "APPLICATION_SETUP": json.dumps(args.application_setup),
        "OWNS_DATABASE": json.dumps(args.manage_database),
        "PGSSLMODE": mode,
    }
    if mode.startswith("verify-"):
        environment["PGSSLROOTCERT"] = ca
    return environment
