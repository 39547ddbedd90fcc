"""What inputs must fulfil together, beside what each has to fulfil alone."""

from collections.abc import Iterator

from .backup_rules import backup_problems
from .database_rules import database_problems
from .names import POSTGRES_NAME_BYTES
from .pod_rules import pod_template_problems
from .retention_rules import retention_problems
from .storage import CheckpointStorageArgs
from .urls import is_url, shown

SETUP_ROOM = POSTGRES_NAME_BYTES - len("_setup")


def input_problems(args: CheckpointStorageArgs) -> Iterator[str]:
    """Return every problem of the completed inputs, one sentence each."""
    yield from _vault(args)
    yield from database_problems(args)
    for problem in pod_template_problems(args.pod_template):
        yield f"podTemplate: {problem}"
    yield from _monitoring(args)
    yield from backup_problems(args)
    yield from retention_problems(args)
    yield from _application(args)


def _vault(args: CheckpointStorageArgs) -> Iterator[str]:
    if not args.vault_address:
        yield "vaultAddress: expected Vault's URL, found nothing; set it or export VAULT_ADDR"
    for key, url in (
        ("vaultAddress", args.vault_address),
        ("vaultAddressInCluster", args.vault_address_in_cluster),
    ):
        if is_url(url) and url.startswith("http:") and not args.insecure_vault_http:
            yield f"{key}: expected https://, found {url!r}; only insecureVaultHttp allows http://"
    host = args.kubernetes_host_for_vault
    if args.manage_vault_auth_mount and not host:
        yield "kubernetesHostForVault: expected the API server's URL; set it or export KUBECONFIG"
    elif args.manage_vault_auth_mount and not is_url(host):
        yield f"kubernetesHostForVault: expected the API server's URL, found {shown(host)}"


def _monitoring(args: CheckpointStorageArgs) -> Iterator[str]:
    if args.monitoring_prometheus_rule and not args.monitoring:
        yield "monitoringPrometheusRule: expected monitoring to be true, since it makes the rules"


def _application(args: CheckpointStorageArgs) -> Iterator[str]:
    replicas, connections = args.application_replicas, args.application_max_connections
    if replicas > connections:
        yield (
            "applicationReplicas: expected a connection for each out of "
            f"applicationMaxConnections, found {replicas} replicas and {connections} connections"
        )
    if args.application_setup and not args.database_application_role:
        yield "databaseApplicationRole: expected the role that calls setup() (applicationSetup)"
    if args.application_setup and (size := len(args.database_schema.encode())) > SETUP_ROOM:
        yield (
            f"databaseSchema: expected at most {SETUP_ROOM} bytes, since applicationSetup makes a "
            f"schema with _setup behind that name, found {size}"
        )
