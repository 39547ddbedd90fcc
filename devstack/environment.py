"""The variables that point every tool at one stack."""

import os
import sys

from devstack import postgresql, vault
from devstack.addresses import POSTGRESQL_PORT, VAULT_PORT
from devstack.database import USER
from devstack.layout import load
from devstack.toolchain import images

MAINTENANCE = "postgres"
# databaseName of Pulumi.dev.yaml, which leaves it at its default.
DEMO = "langgraph"


def environment(name: str) -> dict[str, str]:
    """Return the variables of a stack, the same ones whether it runs or not.

    Raises:
        StackError: no stack of that name was ever started.
    """
    stack = load(name)
    authority = str(stack.pki / "ca.crt")
    # Those of the pods: an older pg_restore reads no dump of theirs.
    clients = postgresql.server_programs(images.POSTGRESQL)
    return {
        "DEVSTACK_NAME": name,
        "PATH": _path([str(stack.tools), f"{sys.prefix}/bin", str(clients)]),
        "PULUMI_HOME": str(stack.pulumi / "home"),
        # Without files of attributes: a kill can leave one empty, and with it no readable state.
        "PULUMI_BACKEND_URL": f"file://{stack.pulumi / 'state'}?metadata=skip",
        "PULUMI_CONFIG_PASSPHRASE": "devstack",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # All plugins are there; a missing one is an error to read, not a download.
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "KUBECONFIG": str(stack.kubeconfig("admin")),
        "VAULT_ADDR": f"https://{stack.network.host}:{VAULT_PORT}",
        "VAULT_CACERT": authority,
        "VAULT_TOKEN": vault.token(stack),
        "PGHOST": stack.network.host,
        "PGPORT": str(POSTGRESQL_PORT),
        "PGUSER": USER,
        "PGPASSWORD": stack.database_password,
        "PGDATABASE": MAINTENANCE,
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": authority,
    }


def shell(name: str) -> str:
    """Return what a shell evaluates to work on a stack: the variables, and how to call pulumi."""
    # What asks libpq means the demo's database. The PostgreSQL provider makes that database and
    # drops it, so it has to be connected to another.
    function = f'pulumi() {{ PGDATABASE={MAINTENANCE} command pulumi "$@"; }}'
    return f"{exports(environment(name) | {'PGDATABASE': DEMO})}\n{function}"


def exports(variables: dict[str, str]) -> str:
    """Return the variables as lines for a POSIX shell's eval."""
    return "\n".join(f"export {name}={_quoted(value)}" for name, value in variables.items())


def _path(first: list[str]) -> str:
    rest = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join([*first, *(folder for folder in rest if folder not in first)])


def _quoted(value: str) -> str:
    return "'" + value.replace("'", r"'\''") + "'"
