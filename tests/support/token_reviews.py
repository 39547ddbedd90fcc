"""The one resource of a Kubernetes API that Vault's login asks for: TokenReview."""

import json
import ssl
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self

from tests.support.service_account_tokens import new_key, parts, signed

PATH = "/apis/authentication.k8s.io/v1/tokenreviews"
NAMESPACE, ACCOUNT, AUDIENCE = "bizmatters", "agent-executor", "vault"
LIFETIME = 600


def service_account_token(
    *, audience: str = AUDIENCE, account: str = ACCOUNT, issued: float = 0
) -> str:
    """Return a token as the API server projects it; `issued` is in seconds from now."""
    now = int(time.time() + issued)
    claims = {
        "iss": "https://kubernetes.default.svc",
        "sub": f"system:serviceaccount:{NAMESPACE}:{account}",
        "aud": [audience],
        "iat": now,
        "nbf": now,
        "exp": now + LIFETIME,
        "kubernetes.io": {
            "namespace": NAMESPACE,
            "serviceaccount": {"name": account, "uid": f"uid-of-{account}"},
        },
    }
    return signed({"alg": "ES256", "kid": "bench"}, claims, new_key())


class TokenReviews(ThreadingHTTPServer):
    """Vouches for every token that has not run out; with `allowed` false for nobody's right."""

    daemon_threads = True

    def __init__(self, context: ssl.SSLContext) -> None:
        self.allowed = True
        super().__init__(("127.0.0.1", 0), _Review)
        self.socket = context.wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )
        self.url = f"https://127.0.0.1:{self.server_port}"

    def __enter__(self) -> Self:
        Thread(target=self.serve_forever, args=[0.05], daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that do not trust it."""


class _Review(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert isinstance(self.server, TokenReviews)
        if not self.server.allowed or self.path != PATH:
            return self._answer(403, {"kind": "Status", "status": "Failure", "code": 403})
        return self._answer(201, review | {"status": _status(review["spec"])})

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def _status(spec: dict[str, Any]) -> dict[str, Any]:
    _, claims = parts(spec["token"])
    if claims["exp"] < time.time():
        return {"authenticated": False, "error": "token has expired"}
    user = {
        "username": claims["sub"],
        "uid": claims["kubernetes.io"]["serviceaccount"]["uid"],
        "groups": ["system:serviceaccounts", f"system:serviceaccounts:{NAMESPACE}"],
    }
    return {"authenticated": True, "user": user, "audiences": spec.get("audiences", [])}
