"""Speaks JSON with the stack's own servers, trusting the stack's authority only."""

import http.client
import json
import ssl
from pathlib import Path
from typing import Any

from devstack.addresses import API_PORT, VAULT_PORT
from devstack.layout import Stack


class Server:
    """One server of the stack."""

    def __init__(self, stack: Stack, port: int, certificate: Path | None = None) -> None:
        self._address = (stack.network.host, port)
        self._context = ssl.create_default_context(cafile=str(stack.pki / "ca.crt"))
        if certificate:
            self._context.load_cert_chain(certificate, certificate.with_suffix(".key"))

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        """Return the status and the JSON of an answer; status 0 means that nobody answered."""
        return self._request("GET", path, None, {}, seconds=5)

    def put(self, path: str, body: dict[str, Any], **headers: str) -> tuple[int, dict[str, Any]]:
        """Send JSON and return what `get` would, with more time for the answer."""
        return self._request("PUT", path, json.dumps(body), headers, seconds=60)

    def _request(
        self, method: str, path: str, body: str | None, headers: dict[str, str], *, seconds: float
    ) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPSConnection(
            *self._address, context=self._context, timeout=seconds
        )
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            return 0, {}
        finally:
            connection.close()
        # HashiCorp's Vault calls nothing at all JSON too, in an answer 204.
        is_json = answer.headers.get("Content-Type", "").startswith("application/json")
        if not content or not is_json:
            return answer.status, {}
        return answer.status, json.loads(content)


def api_server(stack: Stack) -> Server:
    """Return the API server, called as the cluster's administrator."""
    return Server(stack, API_PORT, stack.pki / "admin.crt")


def vault_server(stack: Stack) -> Server:
    """Return the Vault server."""
    return Server(stack, VAULT_PORT)
