"""Ports of the loopback for servers that cannot choose one themselves."""

import socket


def free_port() -> int:
    """Return a port where nobody listens at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
