"""Stands in front of the API server, and answers some requests with a fault of its own."""

import base64
import ssl
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Self
from urllib.parse import urlsplit

import httpx2
import yaml

from tests.support.deployment import Deployment

# How many faults each kind of request meets before it gets through.
FAULTS = 2
HOP_BY_HOP = {"host", "connection", "content-length", "accept-encoding"}

# Of a request's method and path: the status to answer with, and whether the real server does what
# is asked all the same; None lets it pass.
Fault = Callable[[str, str], tuple[int, bool] | None]


class FaultyApiServer(ThreadingHTTPServer):
    """Forwards requests; each kind for which `fault` has one meets it twice before it passes."""

    daemon_threads = True

    def __init__(self, deployment: Deployment) -> None:
        config = yaml.safe_load(Path(deployment.environ["KUBECONFIG"]).read_text())
        cluster = config["clusters"][0]["cluster"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        trust = ssl.create_default_context(cadata=authority)
        # A connection that idled may be closed under the next request, and a new one may fail.
        limits = httpx2.Limits(max_keepalive_connections=0)
        sender = httpx2.HTTPTransport(verify=trust, trust_env=False, limits=limits, retries=3)
        self.real = httpx2.Client(base_url=cluster["server"], transport=sender, timeout=None)
        # OpenSSL makes handshakes of one context one by one more reliably than side by side.
        self.handshake = Lock()
        self.met: Counter[str] = Counter()
        self.fault: Fault = lambda *_: None
        super().__init__((urlsplit(cluster["server"]).hostname or "", 0), _Forward)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        pki = Path(deployment.environ["VAULT_CACERT"]).parent
        context.load_cert_chain(pki / "vault.crt", pki / "vault.key")
        self.socket = context.wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )

    def kubeconfig(self, token: str, path: Path) -> str:
        """Write the kubeconfig that leads here; return its path."""
        server = f"https://{self.server_address[0]}:{self.server_port}"
        cluster = {"server": server, "insecure-skip-tls-verify": True}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "faulty", "cluster": cluster}],
            "users": [{"name": "faulty", "user": {"token": token}}],
            "contexts": [{"name": "faulty", "context": {"cluster": "faulty", "user": "faulty"}}],
            "current-context": "faulty",
        }
        path.write_text(yaml.safe_dump(config))
        return str(path)

    def meets(self, method: str, path: str) -> tuple[int, bool] | None:
        """Return the fault that this request meets, if it is its turn."""
        kind = f"{method} {path.partition('?')[0]}"
        found = self.fault(method, path)
        if not found or self.met[kind] >= FAULTS:
            return None
        self.met[kind] += 1
        return found

    def __enter__(self) -> Self:
        Thread(target=self.serve_forever, args=[0.05], daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
        self.real.close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that went away."""


class _Forward(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        proxy = self.server
        assert isinstance(proxy, FaultyApiServer)
        assert isinstance(self.request, ssl.SSLSocket)
        with proxy.handshake:
            self.request.settimeout(10)
            self.request.do_handshake()
            self.request.settimeout(None)
        super().setup()

    def _forward(self) -> None:
        proxy = self.server
        assert isinstance(proxy, FaultyApiServer)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = proxy.meets(self.command, self.path)
        if not fault or fault[1]:
            self._pass(proxy.real, body, lost=bool(fault))
        if fault:
            self._answer(fault[0])

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _forward

    def _pass(self, real: httpx2.Client, body: bytes, *, lost: bool) -> None:
        headers = [(k, v) for k, v in self.headers.items() if k.lower() not in HOP_BY_HOP]
        with real.stream(self.command, self.path, content=body, headers=headers) as answer:
            if lost:
                return
            # The end of an answer that is a watch is the end of its connection.
            self.close_connection = True
            with suppress(OSError):
                self.send_response(answer.status_code)
                self.send_header("Content-Type", answer.headers.get("Content-Type", ""))
                self.send_header("Connection", "close")
                self.end_headers()
                for part in answer.iter_bytes():
                    self.wfile.write(part)
                    self.wfile.flush()

    def _answer(self, status: int) -> None:
        """Answer as a load balancer does."""
        body = b"<h1>not now</h1>"
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
