"""A TCP proxy that makes a loopback server as far away as one is told, and counts the waits."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from benchmarks.database import ADDRESS

CHUNK_BYTES = 1 << 16
# Messages of PostgreSQL's protocol, version 3.
READY_FOR_QUERY = b"Z\x00\x00\x00\x05"
TERMINATE = b"X\x00\x00\x00\x04"


@dataclass
class Trips:
    """How often clients waited for the server."""

    connections: int = 0
    to_connect: int = 0
    """Round trips until the server takes queries, TCP's own handshake among them."""
    for_queries: int = 0


class Connection:
    """Counts one connection's round trips.

    A client that sends several messages without having seen an answer waits for them once.
    """

    def __init__(self, trips: Trips) -> None:
        """Count a new connection."""
        self._trips = trips
        self._answered = True
        self._ready = False
        trips.connections += 1
        trips.to_connect += 1

    def sent(self, data: bytes) -> None:
        """Count what a client sent."""
        if not self._answered or data == TERMINATE:
            return
        self._answered = False
        if self._ready:
            self._trips.for_queries += 1
        else:
            self._trips.to_connect += 1

    def received(self, data: bytes) -> None:
        """Note that the client has seen an answer."""
        self._answered = True
        self._ready = self._ready or READY_FOR_QUERY in data


class Proxy:
    """Delays each direction by half a round trip."""

    def __init__(self, server_port: int, round_trip_seconds: float) -> None:
        """Stand before a port of this machine."""
        self.port = 0
        self._server_port = server_port
        self._delay = round_trip_seconds / 2
        self._trips = Trips()

    def take_trips(self) -> Trips:
        """Return what was counted since the last call."""
        found, self._trips = self._trips, Trips()
        return replace(found)

    async def serve(self, ready: Callable[[], None]) -> None:
        """Serve until stop() is called; connections still open end then."""
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        async with await asyncio.start_server(self._serve_client, ADDRESS, 0) as listener:
            self.port = listener.sockets[0].getsockname()[1]
            ready()
            await self._stopped.wait()

    def stop(self) -> None:
        """End serve(), from any thread."""
        self._loop.call_soon_threadsafe(self._stopped.set)

    async def _serve_client(
        self, client_reader: asyncio.StreamReader, client_writer: asyncio.StreamWriter
    ) -> None:
        connection = Connection(self._trips)
        # TCP's handshake, which the kernel has done at once.
        await asyncio.sleep(2 * self._delay)
        reader, writer = await asyncio.open_connection(ADDRESS, self._server_port)
        try:
            await asyncio.gather(
                self._carry(client_reader, writer, arrived=connection.sent),
                self._carry(reader, client_writer, delivered=connection.received),
                return_exceptions=True,
            )
        finally:
            writer.close()
            client_writer.close()

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        arrived: Callable[[bytes], None] = lambda _: None,
        delivered: Callable[[bytes], None] = lambda _: None,
    ) -> None:
        """Carry one direction: later chunks are read while earlier ones are still under way."""
        loop = asyncio.get_running_loop()
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def deliver() -> None:
            while True:
                due, data = await under_way.get()
                await asyncio.sleep(due - loop.time())
                if not data:
                    writer.close()
                    return
                delivered(data)
                writer.write(data)
                await writer.drain()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(deliver())
            data = b"-"
            while data:
                data = await reader.read(CHUNK_BYTES)
                if data:
                    arrived(data)
                under_way.put_nowait((loop.time() + self._delay, data))


@contextmanager
def delayed(server_port: int, round_trip_seconds: float) -> Iterator[Proxy]:
    """Run a proxy in a thread of its own for as long as the block takes."""
    proxy, ready = Proxy(server_port, round_trip_seconds), threading.Event()
    # Its run() also cancels what is still open at the end.
    thread = threading.Thread(target=lambda: asyncio.run(proxy.serve(ready.set)))
    thread.start()
    ready.wait()
    try:
        yield proxy
    finally:
        proxy.stop()
        thread.join()
