"""Verifies servers as Go's programs do: kubectl, vault, bao and Pulumi's providers."""

import ssl
import tempfile
from pathlib import Path
from typing import Any


class TlsContext(ssl.SSLContext):
    """Asks for the server by another name than the URL's, where it has one.

    An HTTP library names the server by its URL; all of its connections come by here, those through
    a proxy too.
    """

    server_name: str = ""

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        """Begin TLS over a socket."""
        return super().wrap_socket(*args, **self._named(kwargs))

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        """Begin TLS inside the TLS of a proxy."""
        return super().wrap_bio(*args, **self._named(kwargs))

    def _named(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        return kwargs | ({"server_hostname": self.server_name} if self.server_name else {})


def tls_context(server_name: str) -> TlsContext:
    """Return a client's context that trusts nobody yet."""
    # Python's own default refuses from 3.13 on what Go accepts, such as a CA without key
    # identifiers. Go also trusts an intermediate CA that it is given without its root.
    context = TlsContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.server_name = server_name
    return context


class CertificateError(ValueError):
    """Which certificates or keys are none."""


def trust(context: ssl.SSLContext, pem: str, where: str) -> None:
    """Trust these CAs.

    Raises:
        CertificateError: names `where` they were said to be.

    """
    try:
        context.load_verify_locations(cadata=pem)
    except ssl.SSLError as error:
        msg = f"expected certificates in PEM in {where}, found none ({error.reason})"
        raise CertificateError(msg) from None


def present(context: ssl.SSLContext, certificate: str, key: str, where: str) -> None:
    """Show a certificate to the server; both are PEM.

    Raises:
        CertificateError: they are no pair, or the key is encrypted; names `where` they are.

    """
    # OpenSSL reads them from files only.
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder) / "certificate", Path(folder) / "key"
        for file, content in zip(files, (certificate, key), strict=True):
            file.touch(mode=0o600)
            file.write_text(content)
        try:
            # Without a password OpenSSL would ask for one on the terminal.
            context.load_cert_chain(*files, password="")
        except ssl.SSLError as error:
            msg = (
                f"expected a certificate and its key, not encrypted, in PEM in {where}, "
                f"found others ({error.reason})"
            )
            raise CertificateError(msg) from None
