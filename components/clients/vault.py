"""Reads from Vault what this program asks itself, by the variables that vault and bao obey.

The Vault provider obeys them too: what is asked here is what it writes to.
"""

import os
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pulumi

from .proxies import ProxyError, checked, proxy_of
from .tls import CertificateError, present, tls_context, trust
from .vault_token import TokenError, vault_token

if TYPE_CHECKING:
    import httpx2

TIMEOUT_SECONDS = 30
CA_VARIABLES = ("VAULT_CACERT_BYTES", "VAULT_CAPATH")
CERTIFICATE_VARIABLES = ("VAULT_CLIENT_CERT", "VAULT_CLIENT_KEY")
PROXY_VARIABLES = ("VAULT_PROXY_ADDR", "VAULT_HTTP_PROXY")


class SilentVault(Exception):
    """Why Vault gave no answer."""


@dataclass(frozen=True, kw_only=True)
class VaultServer:
    """How this program reaches Vault; the rest is in the variables of Vault's own tools."""

    address: str
    ca_file: str
    namespace: str
    seconds: float = TIMEOUT_SECONDS

    @classmethod
    def of(cls, server: Mapping[str, Any], **more: Any) -> "VaultServer":
        """Return the server of a component's input or of a state; both may say more of it."""
        given = {key: server[key] for key in ("address", "ca_file", "namespace")}
        return cls(**(given | more))

    @property
    def reached_at(self) -> str:
        """URL that is asked: an agent of Vault's takes the server's place, whatever is set."""
        return os.environ.get("VAULT_AGENT_ADDR") or self.address

    def cluster_id(self) -> str:
        """Return the id by which this Vault knows itself, wherever it is reached.

        Raises:
            SilentVault: it does not say, since it is away, sealed or something else.

        """
        # Of the whole server: in a namespace there is no such path. A standby answers too.
        answer = self._get("sys/health?standbyok=true&perfstandbyok=true", namespace="")
        try:
            said = answer.json()
            if said.get("sealed"):
                msg = "a sealed Vault"
                raise SilentVault(msg)
            return said["cluster_id"]
        except (ValueError, LookupError, AttributeError):
            msg = f"an answer {answer.status_code} without a cluster_id"
            raise SilentVault(msg) from None

    def read(self, path: str) -> dict[str, Any] | None:
        """Return what Vault holds at `path`, or None where it says that there is nothing.

        Raises:
            RunError: Vault does not say; the provider would try again, and then overwrite.

        """
        try:
            answer = self._get(path, namespace=self.namespace)
        except SilentVault as error:
            self._refuse(path, str(error))
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        if answer.status_code == HTTPStatus.FORBIDDEN:
            self._refuse(path, "status 403: the token has expired, is unknown or may not read it")
        if answer.status_code != HTTPStatus.OK:
            self._refuse(path, f"status {answer.status_code}")
        try:
            return answer.json()["data"]
        except (ValueError, LookupError, TypeError):
            self._refuse(path, "an answer that is not Vault's")

    def _get(self, path: str, *, namespace: str) -> "httpx2.Response":
        # Imported here, since most runs create nothing.
        import httpx2

        try:
            with self._client(namespace) as client:
                return client.get(f"{self.reached_at.rstrip('/')}/v1/{path}")
        except (httpx2.HTTPError, OSError) as error:
            msg = f"{type(error).__name__}: {error}"
            raise SilentVault(msg) from None
        except (CertificateError, ProxyError, TokenError) as error:
            raise SilentVault(str(error)) from None

    def _client(self, namespace: str) -> "httpx2.Client":
        import httpx2

        from .http import Routes

        def check(request: httpx2.Request) -> None:
            if self.reached_at.startswith("https:") and request.url.scheme != "https":
                msg = "a redirect away from https"
                raise httpx2.UnsupportedProtocol(msg)

        return httpx2.Client(
            headers={"X-Vault-Token": vault_token(), "X-Vault-Namespace": namespace},
            transport=Routes(
                _context(self.ca_file, os.environ), lambda url: _proxy(url, os.environ)
            ),
            timeout=self.seconds,
            # A standby sends to the active one, and the token has to go along.
            follow_redirects=True,
            event_hooks={"request": [check]},
        )

    def _refuse(self, path: str, found: str) -> NoReturn:
        msg = (
            f"nothing was written: expected Vault at {self.reached_at} to say what is at {path}, "
            f"found {found}; check vaultAddress, vaultCaCertFile, Vault and the token's rights "
            "(docs/deployer-policy.hcl)"
        )
        raise pulumi.RunError(msg)


def unusable_variables(ca_file: str, environ: Mapping[str, str]) -> Iterator[str]:
    """Complain of variables that neither vault nor the provider could use."""
    # A CA file comes before them, and is complained of by its setting.
    overruled = CA_VARIABLES if ca_file else ()
    try:
        _context("", {key: environ[key] for key in environ if key not in overruled})
    except (CertificateError, OSError) as error:
        yield f"{', '.join((*CA_VARIABLES, *CERTIFICATE_VARIABLES))}: {error}"
    try:
        _proxy("https://vault.invalid", environ)
    except ProxyError as error:
        yield str(error)


def _context(ca_file: str, environ: Mapping[str, str]) -> ssl.SSLContext:
    context = tls_context(environ.get("VAULT_TLS_SERVER_NAME", ""))
    folder = environ.get("VAULT_CAPATH", "")
    if ca_file:
        trust(context, Path(ca_file).read_text(), ca_file)
    elif pem := environ.get("VAULT_CACERT_BYTES"):
        trust(context, pem, "VAULT_CACERT_BYTES")
    elif folder:
        for file in sorted(path for path in Path(folder).rglob("*") if path.is_file()):
            trust(context, file.read_text(), str(file))
    else:
        context.load_default_certs()
    files = [environ.get(name, "") for name in CERTIFICATE_VARIABLES]
    if any(files):
        certificate, key = (Path(file).read_text() if file else "" for file in files)
        present(context, certificate, key, " and ".join(CERTIFICATE_VARIABLES))
    return context


def _proxy(url: str, environ: Mapping[str, str]) -> str | None:
    """Return Vault's own proxy, which NO_PROXY means nothing to, or the environment's."""
    for name in PROXY_VARIABLES:
        if proxy := environ.get(name):
            try:
                return checked(proxy)
            except ProxyError as error:
                msg = f"{name}: {error}"
                raise ProxyError(msg) from None
    return proxy_of(url, environ)
