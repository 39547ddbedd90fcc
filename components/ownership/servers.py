"""Tells one Vault and one PostgreSQL server from another by the marks that they keep themselves.

An address is no such mark: a variable of the shell, a tunnel or a name in another network leads to
another server tomorrow, and a server that moves keeps its mark.
"""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypedDict

from ..clients.postgresql import TIMEOUT_SECONDS, address, postgresql
from ..clients.vault import SilentVault, VaultServer
from ..inputs.storage import CheckpointStorageArgs

# Waited by what may go on without an answer, as a preview does.
BRIEF_SECONDS = 10
VAULT, POSTGRESQL = "Vault", "PostgreSQL"
# The PostgreSQL provider dials through it, libpq knows of none.
PROXIES = ("ALL_PROXY", "all_proxy")
SETTINGS = {
    VAULT: ("vaultAddress or VAULT_ADDR, VAULT_AGENT_ADDR, VAULT_NAMESPACE", "vaultServerId"),
    POSTGRESQL: ("databaseAdminHost and databaseAdminPort or PGHOST, PGPORT", "databaseServerId"),
}


class Servers(TypedDict):
    """Where this program reaches the servers that it writes to, as a state keeps it."""

    vault: Mapping[str, str]
    """URL, CA file and namespace: `address`, `ca_file`, `namespace`."""
    database: Mapping[str, str]
    """`host`, `port`, `ssl_mode` and `ca_certificate` (PEM); empty where no provider needs it."""
    accepted: Mapping[str, str]
    """Identity that takes the place of the known one, by server; empty for none."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """One server as it answered: where it was asked, and its identity or why there is none."""

    where: str
    identity: str = ""
    silence: str = ""


class UnexpectedServer(Exception):
    """One sentence: another server than the known one answered, or none did where one must."""


def vault_server(args: CheckpointStorageArgs) -> VaultServer:
    """Return how this program reaches Vault."""
    return VaultServer(
        address=args.vault_address,
        ca_file=args.vault_ca_cert_file,
        namespace=args.vault_namespace,
    )


def identities(
    servers: Servers, known: Mapping[str, str], *, must_answer: bool, context: str
) -> dict[str, str]:
    """Return the identity of each server, by its name; of one that is silent the known one.

    `context` begins the sentence of a refusal: what was not done.

    Raises:
        UnexpectedServer: another server than the known or accepted one answered, or, where each
            must answer, one did not.

    """
    found: dict[str, str] = {}
    for name, server in _asked(servers, TIMEOUT_SECONDS if must_answer else BRIEF_SECONDS).items():
        variables, setting = SETTINGS[name]
        if server.silence and must_answer:
            msg = (
                f"{context}: expected {name} at {server.where} to say which server it is, found "
                f"{server.silence}; start it, or check {variables}, your login and its rights"
            )
            raise UnexpectedServer(msg)
        expected = servers["accepted"].get(name) or known.get(name, "")
        if server.identity and expected and server.identity != expected:
            msg = (
                f"{context}: expected {name} server {expected}, found server {server.identity} at "
                f"{server.where}; set {variables} to the first again, or, if this one has taken "
                f"its place with all that was in it, set {setting} to {server.identity} and run "
                "pulumi up"
            )
            raise UnexpectedServer(msg)
        if identity := server.identity or known.get(name, ""):
            found[name] = identity
    return found


def _asked(servers: Servers, seconds: int) -> dict[str, Server]:
    asked = {VAULT: (_vault, servers["vault"])}
    if servers["database"]:
        asked[POSTGRESQL] = (_postgresql, servers["database"])
    with ThreadPoolExecutor() as pool:
        waiting = {name: pool.submit(ask, of, seconds) for name, (ask, of) in asked.items()}
    return {name: answer.result() for name, answer in waiting.items()}


def _vault(server: Mapping[str, str], seconds: int) -> Server:
    # The Vault provider obeys the variable where its configuration has no namespace.
    namespace = (server["namespace"] or os.environ.get("VAULT_NAMESPACE", "")).strip("/")
    vault = VaultServer.of(server, seconds=seconds)
    try:
        cluster = vault.cluster_id()
    except SilentVault as error:
        return Server(where=vault.reached_at, silence=str(error))
    return Server(where=vault.reached_at, identity=f"{cluster}/{namespace}".rstrip("/"))


def _postgresql(server: Mapping[str, str], seconds: int) -> Server:
    # Imported here, since nobody else's database is asked.
    import psycopg

    where = ":".join(address(server))
    if any(os.environ.get(name) for name in PROXIES):
        return Server(where=where, silence="ALL_PROXY in the environment")
    try:
        with postgresql(server, seconds) as connection:
            (identity,) = connection.execute(
                "SELECT system_identifier::text FROM pg_catalog.pg_control_system()"
            ).fetchone() or ("",)
    except psycopg.Error as error:
        return Server(where=where, silence=" ".join(str(error).split()))
    return Server(where=where, identity=identity)
