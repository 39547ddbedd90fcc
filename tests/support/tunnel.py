"""A tunnel on this machine whose far end moves, as `kubectl port-forward` or ssh make them."""

import socket
import threading
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress

ADDRESS = "127.0.0.1"
CHUNK = 65536


class Tunnel:
    """Listens at `port` and joins each connection to whatever `target` is just then."""

    def __init__(self, listener: socket.socket, target: tuple[str, int]) -> None:
        self.target = target
        self.port: int = listener.getsockname()[1]
        self._listener = listener

    def serve(self) -> None:
        """Join connections until the listener is shut down."""
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self.target)
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=_pump, args=ends, daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with closing(target), suppress(OSError):
        while data := source.recv(CHUNK):
            target.sendall(data)


@contextmanager
def tunnel(target: tuple[str, int]) -> Generator[Tunnel]:
    """Open a tunnel to `target` on a free port of this machine."""
    with socket.create_server((ADDRESS, 0)) as listener:
        opened = Tunnel(listener, target)
        serving = threading.Thread(target=opened.serve)
        serving.start()
        yield opened
        # What waits in accept() does not notice that the socket is closed.
        listener.shutdown(socket.SHUT_RDWR)
        serving.join()
