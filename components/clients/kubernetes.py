"""Connects to the Kubernetes API as kubectl does with the same kubeconfig.

lightkube knows the API's objects; of kubeconfigs it knows less than kubectl, see
docs/decisions/0021. What goes over the wire is therefore this module's.
"""

# lightkube's generic signatures are only partially typed.
# pyright: reportUnknownMemberType=false

import base64
import os
import ssl
import threading
from collections.abc import Iterator, Mapping
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
from lightkube import Client
from lightkube.config.kubeconfig import SingleConfig
from lightkube.config.models import Cluster as Server
from lightkube.config.models import Context, User

from .cluster import Cluster
from .exec_plugin import Login, PluginError, ask
from .http import transport
from .kubeconfig import ambient, chosen, parts
from .kubeconfig_rules import KubeconfigError
from .proxies import ProxyError, checked, proxy_of
from .tls import CertificateError, TlsContext, present, tls_context, trust

CURE = "log in again and run pulumi up, which renews it for pulumi destroy too"
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
# What a header's name may hold beside letters and digits (RFC 9110).
NAME_MARKS = "!#$&'*+-.^_`|~"


class LoginError(httpx2.RequestError):
    """Why the API server cannot be talked to at all; unlike a server that is away it stays so."""


# A plugin may take a second, and each object that is looked for would start it.
@cache
def connect(cluster: Cluster) -> Client:
    """Return a client for the cluster's API.

    Raises:
        LoginError: the kubeconfig cannot be used.

    """
    url, sender = _reach(cluster)
    config = SingleConfig("", Context(cluster=""), Server(server=url), User())
    return Client(config=config, transport=sender, trust_env=False)


@cache
def connect_http(cluster: Cluster) -> httpx2.Client:
    """Return a client for requests that lightkube has no call for; their paths begin with `/api`.

    Raises:
        LoginError: the kubeconfig cannot be used.

    """
    url, sender = _reach(cluster)
    return httpx2.Client(base_url=url, transport=sender, trust_env=False)


def _reach(cluster: Cluster) -> tuple[str, "_Transport"]:
    try:
        given, context = cluster.kubeconfig, cluster.context
        text = chosen(given, context) if given else ambient(os.environ, context)
        server, user = parts(text) if text else _in_cluster()
        return server["server"], _Transport(server, user)
    except (KubeconfigError, ProxyError, PluginError, OSError, ValueError) as error:
        raise LoginError(str(error)) from None


def _in_cluster() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a pod reaches the API with: what kubectl uses where there is no kubeconfig."""
    host = os.environ.get("KUBERNETES_SERVICE_HOST")
    if not host:
        msg = "expected a kubeconfig, found none; set KUBECONFIG"
        raise KubeconfigError(msg)
    host = f"[{host}]" if ":" in host else host
    url = f"https://{host}:{os.environ.get('KUBERNETES_SERVICE_PORT', '443')}"
    cluster = {"server": url, "certificate-authority": str(SERVICE_ACCOUNT / "ca.crt")}
    return cluster, {"tokenFile": str(SERVICE_ACCOUNT / "token")}


class _Transport(httpx2.BaseTransport):
    """Sends requests as the cluster and the user of a kubeconfig say."""

    def __init__(self, cluster: Mapping[str, Any], user: Mapping[str, Any]) -> None:
        self._cluster = cluster
        # As kubectl: credentials do not go in the clear, the name to impersonate does.
        self._user: Mapping[str, Any] = user if cluster["server"].startswith("https:") else {}
        self._impersonation = [*_impersonation(user)]
        proxy = cluster.get("proxy-url")
        self._proxy = checked(proxy) if proxy else proxy_of(cluster["server"], os.environ)
        self._lock = threading.Lock()
        self._login = _login(self._cluster, self._user)
        self._http = self._connection(self._login)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send it; where the login is not accepted any more, once again with a new one."""
        request.headers = httpx2.Headers([*request.headers.raw, *self._impersonation])
        login, http = self._ready(None)
        response = _send(request, login, http)
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            renewed, http = self._ready(login)
            if renewed != login:
                response.close()
                response = _send(request, renewed, http)
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            response.close()
            whose = "the kubeconfig's login" if self._user else "a request without a login"
            msg = (
                f"expected the API server to accept {whose}, found 401: it has ended or is "
                f"unknown; {CURE}"
            )
            raise LoginError(msg)
        return response

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _ready(self, refused: Login | None) -> tuple[Login, httpx2.HTTPTransport]:
        """Return the login and its connection, a new one where the old one is over or refused."""
        with self._lock:
            old = self._login
            if old is refused or old.is_over():
                try:
                    new = _login(self._cluster, self._user)
                    if (old.certificate, old.key) != (new.certificate, new.key):
                        self._http = self._connection(new)
                    self._login = new
                except (PluginError, OSError, ValueError) as error:
                    raise LoginError(str(error)) from None
            return self._login, self._http

    def _connection(self, login: Login) -> httpx2.HTTPTransport:
        context = _context(self._cluster)
        if login.certificate:
            present(context, login.certificate, login.key, "the client certificate")
        return transport(context, self._proxy)


def _send(request: httpx2.Request, login: Login, http: httpx2.HTTPTransport) -> httpx2.Response:
    if login.authorization:
        request.headers["Authorization"] = login.authorization
    return http.handle_request(request)


def _context(cluster: Mapping[str, Any]) -> TlsContext:
    context = tls_context(cluster.get("tls-server-name") or "")
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif authority := _content(cluster, "certificate-authority"):
        trust(context, authority, "certificate-authority")
    else:
        context.load_default_certs()
    return context


def _login(cluster: Mapping[str, Any], user: Mapping[str, Any]) -> Login:
    """Return the user's login; a plugin is asked where there is no other, as kubectl does."""
    authorization, token, file = "", user.get("token"), user.get("tokenFile")
    # The file may hold a newer one.
    if file and (not token or Path(file).is_file()):
        token = Path(file).read_text()
    if token:
        authorization = f"Bearer {token.strip()}"
    elif user.get("username"):
        pair = f"{user['username']}:{user.get('password', '')}"
        authorization = f"Basic {base64.b64encode(pair.encode()).decode()}"
    certificate = _content(user, "client-certificate")
    if user.get("exec") and not (authorization or certificate):
        return ask(user["exec"], cluster)
    return Login(
        authorization=authorization, certificate=certificate, key=_content(user, "client-key")
    )


def _content(part: Mapping[str, Any], key: str) -> str:
    try:
        if data := part.get(f"{key}-data"):
            return base64.b64decode(data).decode()
        return Path(part[key]).read_text() if part.get(key) else ""
    except ValueError:
        msg = f"expected text in PEM in {key}, or the Base64 of it in {key}-data, found other bytes"
        raise CertificateError(msg) from None


def _impersonation(user: Mapping[str, Any]) -> Iterator[tuple[bytes, bytes]]:
    """Give the headers of `kubectl --as`."""
    values = {"User": [user.get("as")], "Uid": [user.get("as-uid")]}
    values["Group"] = user.get("as-groups") or []
    extra: dict[str, list[str]] = user.get("as-user-extra") or {}
    values |= {f"Extra-{quote(key, safe=NAME_MARKS)}": texts for key, texts in extra.items()}
    for name, texts in values.items():
        yield from ((f"Impersonate-{name}".encode(), text.encode()) for text in texts if text)
