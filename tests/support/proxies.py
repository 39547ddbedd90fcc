"""Proxies on loopback that note which server they were asked for, as a private network has them."""

import select
import socket
import ssl
from collections.abc import Iterable, Sequence
from contextlib import suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Self


class Proxy(ThreadingTCPServer):
    """Lets every client through to the server that it names; over TLS where there is a context."""

    daemon_threads = True
    scheme = ""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.asked: list[str] = []
        self._context = context
        super().__init__(("127.0.0.1", 0), self.handler)

    handler: type[BaseRequestHandler]

    @property
    def url(self) -> str:
        """Return what clients are to be given."""
        return f"{self.scheme}{'s' if self._context else ''}://127.0.0.1:{self.server_address[1]}"

    def get_request(self) -> tuple[socket.socket, object]:
        """Accept a client; its handshake is left to the thread that serves it."""
        client, address = super().get_request()
        if self._context:
            client = self._context.wrap_socket(
                client, server_side=True, do_handshake_on_connect=False
            )
        return client, address

    def __enter__(self) -> Self:
        Thread(target=self.serve_forever, args=[0.05], daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that went away."""


class _Connect(BaseRequestHandler):
    """HTTP's CONNECT."""

    def handle(self) -> None:
        assert isinstance(self.server, Proxy)
        head = b""
        while b"\r\n\r\n" not in head:
            if not (more := self.request.recv(4096)):
                return
            head += more
        host, _, port = head.split()[1].decode().rpartition(":")
        self.server.asked.append(f"{host}:{port}")
        with socket.create_connection((host.strip("[]"), int(port)), 10) as server:
            self.request.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            _relay(self.request, server)


class _Socks(BaseRequestHandler):
    """SOCKS version 5 (RFC 1928) without a login."""

    def handle(self) -> None:
        assert isinstance(self.server, Proxy)
        stream = self.request.makefile("rb")
        methods = stream.read(2)[1]
        stream.read(methods)
        self.request.sendall(b"\x05\x00")
        kind = stream.read(4)[3]
        if kind == 1:
            host = socket.inet_ntop(socket.AF_INET, stream.read(4))
        elif kind == 4:
            host = socket.inet_ntop(socket.AF_INET6, stream.read(16))
        else:
            host = stream.read(stream.read(1)[0]).decode()
        port = int.from_bytes(stream.read(2), "big")
        self.server.asked.append(f"{host}:{port}")
        with socket.create_connection((host, port), 10) as server:
            self.request.sendall(b"\x05\x00\x00\x01" + bytes(6))
            _relay(self.request, server)


class ConnectProxy(Proxy):
    """An HTTP proxy for TLS."""

    scheme, handler = "http", _Connect


class SocksProxy(Proxy):
    """A SOCKS proxy."""

    scheme, handler = "socks5", _Socks


class _Forward(BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, Front)
        host, port = self.server.server
        # A client without the certificate that is asked for ends here.
        self.request.do_handshake()
        self.server.asked.append(f"{host}:{port}")
        with (
            socket.create_connection((host, port), 10) as plain,
            self.server.trusted.wrap_socket(plain, server_hostname=host) as server,
        ):
            _relay(self.request, server)


class Front(Proxy):
    """Stands before one server and ends TLS, as a load balancer does."""

    scheme, handler = "http", _Forward

    def __init__(
        self, context: ssl.SSLContext, server: tuple[str, int], trusted: ssl.SSLContext
    ) -> None:
        self.server, self.trusted = server, trusted
        super().__init__(context)


def _relay(one: socket.socket, other: socket.socket) -> None:
    """Pass bytes both ways until either side ends; in one thread, as OpenSSL wants it."""
    other.settimeout(None)
    ends = {one: other, other: one}
    with suppress(OSError):
        while True:
            for source in _readable(ends):
                if not (data := source.recv(65536)):
                    return
                ends[source].sendall(data)


def _readable(ends: Iterable[socket.socket]) -> Sequence[socket.socket]:
    # What TLS has decrypted already makes no socket ready.
    held = [end for end in ends if isinstance(end, ssl.SSLSocket) and end.pending()]
    return held or select.select([*ends], [], [])[0]
