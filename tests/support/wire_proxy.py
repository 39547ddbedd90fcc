"""A TCP proxy that sees PostgreSQL's messages and lets a test act before, during or after each."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Self

ADDRESS = "127.0.0.1"
CANCEL_REQUEST = 80877102
# Makes close() send a reset instead of a farewell.
NO_LINGER = struct.pack("ii", 1, 0)


class Phase(Enum):
    """Where a statement is: held back, just sent on, or done while the client waits to hear it."""

    BEFORE = "before"
    DURING = "during"
    AFTER = "after"


@dataclass(frozen=True)
class Event:
    """A statement in one phase; number counts the statements of all connections from 1."""

    link: Link
    number: int
    phase: Phase
    statement: str


Hook = Callable[[Event], None]


class Breakpoint:
    """A hook that holds the first statement that a condition picks until it is released."""

    def __init__(self, condition: Callable[[Event], bool]) -> None:
        self._condition = condition
        self._released = threading.Event()
        self.event: Event | None = None

    def __call__(self, event: Event) -> None:
        if self.event is None and self._condition(event):
            self.event = event
            self._released.wait()

    def release(self) -> None:
        """Let the held statement go on, and all later ones too."""
        self._released.set()


def statement(number: int, phase: Phase) -> Breakpoint:
    """Return a breakpoint at a statement by its number."""
    return Breakpoint(lambda event: (event.number, event.phase) == (number, phase))


def statement_with(words: str, phase: Phase) -> Breakpoint:
    """Return a breakpoint at the first statement that holds some words."""
    return Breakpoint(lambda event: event.phase is phase and words in event.statement)


class Link:
    """One client's connection and the proxy's own one to the server; TLS must be off."""

    def __init__(self, proxy: WireProxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._ends = (client, server)
        self._unanswered: deque[tuple[int, str]] = deque()
        self._is_reset = False
        self._pumps = [
            threading.Thread(target=self._run, args=[pump], daemon=True)
            for pump in (self._pump_client, self._pump_server)
        ]
        for pump in self._pumps:
            pump.start()

    def cut(self) -> None:
        """End both connections, as a proxy that is restarted does."""
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """End both connections with a TCP reset."""
        self._is_reset = True
        for end in self._ends:
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
            _close(end)

    def close(self) -> None:
        """End both connections and wait for the threads in between."""
        self.cut()
        for pump in self._pumps:
            pump.join()
        for end in self._ends:
            end.close()

    def _run(self, pump: Callable[[socket.socket, socket.socket], None]) -> None:
        client, server = self._ends
        with suppress(OSError, EOFError):
            pump(client, server)
        if not self._is_reset:
            self.cut()

    def _pump_client(self, client: socket.socket, server: socket.socket) -> None:
        startup = _read(client, 4)
        startup += _read(client, struct.unpack("!I", startup)[0] - 4)
        self._proxy.deliver(server, startup)
        if struct.unpack_from("!I", startup, 4)[0] == CANCEL_REQUEST:
            # Only the server's farewell tells the client that its request was taken.
            _read(client, 1)
        while True:
            frame = _read_frame(client)
            time.sleep(self._proxy.delay)
            if frame[:1] == b"Q":
                self._forward_statement(server, frame)
            else:
                self._proxy.deliver(server, frame)

    def _forward_statement(self, server: socket.socket, frame: bytes) -> None:
        statement = frame[5:-1].decode(errors="replace")
        number = self._proxy.count(statement)
        self._proxy.hook(Event(self, number, Phase.BEFORE, statement))
        self._unanswered.append((number, statement))
        self._proxy.deliver(server, frame)
        self._proxy.hook(Event(self, number, Phase.DURING, statement))

    def _pump_server(self, client: socket.socket, server: socket.socket) -> None:
        while True:
            frame = _read_frame(server)
            if frame[:1] == b"Z" and self._unanswered:
                number, statement = self._unanswered.popleft()
                self._proxy.hook(Event(self, number, Phase.AFTER, statement))
            self._proxy.deliver(client, frame)


@dataclass
class WireProxy:
    """Listens on a free loopback port for a server's port; hook sees every simple query.

    The delay, in seconds, is that of a whole round trip: the answer comes back at once.
    A hook runs in the connection's own thread: what it waits for waits there, and nothing else.
    """

    server_port: int
    hook: Hook = lambda _: None
    delay: float = 0
    statements: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._lock = threading.Lock()
        self._flowing = threading.Event()
        self._flowing.set()
        self._closed = False
        self._links: list[Link] = []
        self._listener = socket.create_server((ADDRESS, 0))
        self.port: int = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        _close(self._listener)
        with self._lock:
            self._closed = True
            self._flowing.set()
        self._acceptor.join()
        for link in self._links:
            link.close()

    def freeze(self) -> None:
        """Let nothing through from now on, in no connection, without ending any."""
        with self._lock:
            # What the end lets go on may meet the hook that freezes once more.
            if not self._closed:
                self._flowing.clear()

    def thaw(self) -> None:
        """Let everything through again, what was held back included."""
        self._flowing.set()

    def reset(self) -> None:
        """End every connection with a TCP reset."""
        for link in self._links:
            link.reset()

    def count(self, statement: str) -> int:
        """Note a statement and return its number."""
        with self._lock:
            self.statements.append(statement)
            return len(self.statements)

    @contextmanager
    def stopping_at(self, stop: Breakpoint) -> Iterator[Breakpoint]:
        """Use a breakpoint for a while; at the end everything goes on."""
        self.hook = stop
        try:
            yield stop
        finally:
            self.hook = lambda _: None
            stop.release()

    def deliver(self, end: socket.socket, frame: bytes) -> None:
        """Send a frame on as soon as the network lets it through."""
        self._flowing.wait()
        end.sendall(frame)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._flowing.wait()
                try:
                    server = socket.create_connection((ADDRESS, self.server_port))
                except ConnectionRefusedError:
                    client.close()
                    continue
                self._links.append(Link(self, client, server))


def _close(end: socket.socket) -> None:
    # Wakes the thread that waits in it, which close() alone does not.
    with suppress(OSError):
        end.shutdown(socket.SHUT_RD)
    end.close()


def _read_frame(end: socket.socket) -> bytes:
    header = _read(end, 5)
    return header + _read(end, struct.unpack_from("!I", header, 1)[0] - 4)


def _read(end: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        part = end.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return bytes(data)
