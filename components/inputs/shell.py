"""What the shell says of what is left empty, by the variables of the tools themselves."""

from collections.abc import Iterator, Mapping

import pulumi
from msgspec.structs import replace

from ..clients.kubeconfig import ambient, chosen, server
from .storage import CheckpointStorageArgs

DEFAULT_PORT = 5432
MOST_PORT = 65535


def completed(args: CheckpointStorageArgs, environ: Mapping[str, str]) -> CheckpointStorageArgs:
    """Fill what is empty from the tools' own variables and from other inputs."""
    database = args.database_name if args.manage_database else ""
    vault_address = args.vault_address or environ.get("VAULT_ADDR", "")
    port = _port(environ)
    host = environ.get("PGHOST", "")
    return replace(
        args,
        environment=args.environment or pulumi.get_stack(),
        vault_address=vault_address,
        vault_address_in_cluster=args.vault_address_in_cluster or vault_address,
        vault_namespace=args.vault_namespace or environ.get("VAULT_NAMESPACE", ""),
        vault_ca_cert_file=args.vault_ca_cert_file or environ.get("VAULT_CACERT", ""),
        database_host=args.database_host or host,
        database_port=args.database_port or port or DEFAULT_PORT,
        database_admin_host=args.database_admin_host or host or args.database_host,
        database_admin_port=args.database_admin_port or port or args.database_port or DEFAULT_PORT,
        database_ca_cert_file=args.database_ca_cert_file or environ.get("PGSSLROOTCERT", ""),
        database_username=args.database_username or (database and f"{database}_migrator"),
        database_owner=args.database_owner or (database and f"{database}_owner"),
        database_application_role=args.database_application_role
        or (database and f"{database}_app"),
    )


def with_kubeconfig(
    args: CheckpointStorageArgs, environ: Mapping[str, str]
) -> CheckpointStorageArgs:
    """Put in the one context that is used; as text, a preview needs neither file nor cluster.

    Raises:
        KubeconfigError: there is none such, or it asks for what this program cannot do.

    """
    if args.kubeconfig:
        kubeconfig = chosen(args.kubeconfig, args.kube_context)
    else:
        kubeconfig = ambient(environ, args.kube_context)
    host = args.kubernetes_host_for_vault or server(kubeconfig)
    return replace(args, kubeconfig=kubeconfig, kubernetes_host_for_vault=host)


def variable_problems(args: CheckpointStorageArgs, environ: Mapping[str, str]) -> Iterator[str]:
    """Complain of variables that no input takes the place of."""
    if environ.get("PGPORT") and not _port(environ):
        found = environ["PGPORT"]
        yield f"databasePort: expected a number from 1 to {MOST_PORT} in PGPORT, found {found!r}"
    for name in ("ALL_PROXY", "all_proxy"):
        if environ.get(name) and args.manage_database:
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


def _port(environ: Mapping[str, str]) -> int:
    """Return the port of PGPORT, and 0 where there is none."""
    text = environ.get("PGPORT", "")
    port = int(text) if text.isdecimal() else 0
    return port if port <= MOST_PORT else 0
