"""Speaks HTTP with the stack's Vault, as an attacker who has its address would."""

import json
import ssl
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any, Protocol, Self
from urllib.parse import urlsplit

from tests.support.deployment import Outcome

Answer = tuple[int, dict[str, Any]]


class Environment(Protocol):
    """What an environment on a stack and a server without one have in common."""

    folder: Path
    settings: dict[str, Any]
    environ: dict[str, str]

    def run(self, *command: str, **environ: str) -> Outcome:
        """Run one of the tools to its end."""
        ...


class VaultApi:
    """Vault's HTTP API; requests carry the root token unless they name another."""

    def __init__(self, deployment: Environment) -> None:
        self._environ, self._settings = deployment.environ, deployment.settings
        url = urlsplit(self._environ["VAULT_ADDR"])
        self._host, self._port = url.hostname or "", url.port
        self._context = ssl.create_default_context(cafile=self._environ["VAULT_CACERT"])

    def request(
        self, method: str, path: str, *, token: str | None = None, body: bytes = b""
    ) -> Answer:
        """Return the status and the JSON of the answer."""
        connection = HTTPSConnection(self._host, self._port, context=self._context, timeout=30)
        try:
            headers = {"X-Vault-Token": self._environ["VAULT_TOKEN"] if token is None else token}
            connection.request(method, f"/v1/{path}", body, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        is_json = answer.headers.get_content_type() == "application/json"
        return answer.status, json.loads(content) if content and is_json else {}

    def login(self, jwt: str, role: str = "") -> Answer:
        """Log in with a ServiceAccount's token, to the Jobs' role unless another is named."""
        body = {"role": role or self._settings["vaultRole"], "jwt": jwt}
        path = f"auth/{self._settings['vaultAuthMount']}/login"
        return self.request("POST", path, token="", body=json.dumps(body).encode())

    def accessors(self) -> set[str]:
        """Return the accessor of every token that is alive."""
        return set(self.request("LIST", "auth/token/accessors")[1]["data"]["keys"])

    def is_alive(self, token: str) -> bool:
        """Tell whether a token may still do something."""
        return (
            self.request("POST", "auth/token/lookup", body=_json(token=token))[0] == HTTPStatus.OK
        )


class VaultProxy(ThreadingHTTPServer):
    """Stands in front of Vault with Vault's own certificate; sees all and may change an answer.

    `change` gets path, status and answer of each request and returns what the client is to get.
    """

    daemon_threads = True

    def __init__(
        self,
        deployment: Environment,
        change: Callable[[str, Answer], Answer] = lambda _, answer: answer,
    ) -> None:
        self.vault, self.change = VaultApi(deployment), change
        self.tokens: list[str] = []
        self.logins: list[bytes] = []
        host = urlsplit(deployment.environ["VAULT_ADDR"]).hostname or ""
        super().__init__((host, 0), _Forward)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        pki = Path(deployment.environ["VAULT_CACERT"]).parent
        context.load_cert_chain(pki / "vault.crt", pki / "vault.key")
        self.socket = context.wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )
        self.address = f"https://{host}:{self.server_port}"

    def __enter__(self) -> Self:
        Thread(target=self.serve_forever, args=[0.05], daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that went away."""


class Held:
    """A change that keeps each read of the secret waiting until it is released."""

    def __init__(self) -> None:
        self.reached, self._released = Event(), Event()

    def __call__(self, path: str, answer: Answer) -> Answer:
        if "/data/" in path:
            self.reached.set()
            self._released.wait()
        return answer

    def release(self) -> None:
        """Let the reads go on."""
        self._released.set()


class _Forward(BaseHTTPRequestHandler):
    def _forward(self) -> None:
        proxy = self.server
        assert isinstance(proxy, VaultProxy)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, token = self.path.removeprefix("/v1/"), self.headers.get("X-Vault-Token", "")
        if path.endswith("/login"):
            proxy.logins.append(body)
        if token and token not in proxy.tokens:
            proxy.tokens.append(token)
        answer = proxy.vault.request(self.command, path, token=token, body=body)
        status, content = proxy.change(path, answer)
        with suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            text = json.dumps(content).encode() if content else b""
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    do_GET = do_PUT = do_POST = do_LIST = _forward

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def _json(**values: Any) -> bytes:
    return json.dumps(values).encode()
