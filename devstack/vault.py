"""Runs the Vault server: OpenBao with its storage in the run folder, initialised and unsealed.

Tests run HashiCorp's Vault in its place, which differs in its configuration.
"""

import json
import shutil
import signal

from devstack import processes
from devstack.errors import StackError
from devstack.https import Server, vault_server
from devstack.layout import Stack, write_private
from devstack.startup import Startup
from devstack.templates import render

PART = "vault"

_KEYS = "keys.json"
_ANSWERS = (200, 429, 472, 473, 501, 503)


def start(startup: Startup) -> None:
    """Start the server, initialise it once, and unseal it."""
    stack = startup.stack
    if not (stack.vault / _KEYS).exists():
        _forget(stack)
    (stack.vault / "data").mkdir(parents=True, exist_ok=True)
    config = stack.vault / "vault.hcl"
    is_openbao = (stack.tools / "vault").resolve().name == "bao"
    own = "openbao.hcl" if is_openbao else "hashicorp-vault.hcl"
    config.write_text("".join(render(name, stack.values()) for name in ("vault.hcl", own)))
    startup.start(PART, [str(stack.tools / "bao"), "server", f"-config={config}"])
    server = vault_server(stack)
    startup.wait(PART, lambda: _health(server) in _ANSWERS, "the Vault server to answer")
    if _health(server) == 501:
        _initialise(stack, server)
    if _health(server) == 503:
        _ask(server, "sys/unseal", {"key": _keys(stack)["keys_base64"][0]})
    startup.wait(PART, lambda: _health(server) == 200, "the Vault server to become active")
    if not is_openbao:
        _enable_audit(stack, server)
    startup.report("Vault ready")


def ready(stack: Stack) -> bool:
    """Tell whether the server answers and is unsealed."""
    return _health(vault_server(stack)) == 200


def token(stack: Stack) -> str:
    """Return the root token."""
    return _keys(stack)["root_token"]


def _forget(stack: Stack) -> None:
    """Remove a storage without keys, left by a start that was killed: nobody can open it."""
    processes.stop(stack.records / PART, signal.SIGKILL)
    if (stack.vault / "data").exists():
        shutil.rmtree(stack.vault / "data")


def _initialise(stack: Stack, server: Server) -> None:
    answer = _ask(server, "sys/init", {"secret_shares": 1, "secret_threshold": 1})
    write_private(stack.vault / _KEYS, json.dumps(answer))


def _enable_audit(stack: Stack, server: Server) -> None:
    # Where it is on already, as after a restart, it answers 400.
    body = {"type": "file", "options": {"file_path": str(stack.audit / "vault.log")}}
    server.put("/v1/sys/audit/file", body, **{"X-Vault-Token": token(stack)})


def _keys(stack: Stack) -> dict[str, str]:
    path = stack.vault / _KEYS
    if not path.exists():
        message = f"expected Vault's keys in {path}, found none: run down --purge, then up"
        raise StackError(message)
    return json.loads(path.read_text())


def _health(server: Server) -> int:
    return server.get("/v1/sys/health")[0]


def _ask(server: Server, path: str, body: dict[str, object]) -> dict[str, object]:
    status, answer = server.put(f"/v1/{path}", body)
    if status != 200:
        message = f"expected Vault to answer {path}, found status {status} {answer}: see its log"
        raise StackError(message)
    return answer
