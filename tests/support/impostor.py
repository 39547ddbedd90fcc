"""A server that passes for Vault or PostgreSQL and writes down what a client tells it."""

import socket
import ssl
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Self

import trustme

SSL_REQUEST = bytes.fromhex("0000000804d2162f")


class Impostor:
    """Listens on a free port of an address; `heard` is what came after TLS, or without any.

    As PostgreSQL it answers the wish for TLS first. Without a context it speaks no TLS.
    """

    def __init__(self, host: str, context: ssl.SSLContext | None, *, postgresql: bool) -> None:
        self._context, self._postgresql = context, postgresql
        self._listener = socket.create_server((host, 0))
        self.host: str = host
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self.heard = b""

    def __enter__(self) -> Self:
        Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                Thread(target=self._listen, args=[client], daemon=True).start()

    def _listen(self, client: socket.socket) -> None:
        self.connections += 1
        with suppress(OSError), client:
            client.settimeout(10)
            if self._postgresql and client.recv(8) == SSL_REQUEST:
                client.sendall(b"S" if self._context else b"N")
            if self._context:
                client = self._context.wrap_socket(client, server_side=True)
            with client:
                self.heard += client.recv(65536)


def of_another_authority(host: str) -> ssl.SSLContext:
    """Return the right name, vouched for by somebody else."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert(host).configure_cert(context)
    return context


def with_certificate(pki: Path, name: str) -> ssl.SSLContext:
    """Return a certificate of the stack's own authority."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pki / f"{name}.crt", pki / f"{name}.key")
    return context
