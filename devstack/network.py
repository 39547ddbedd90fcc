"""Chooses the stack's addresses and lays the wire between this machine and the node."""

import ipaddress
import json
from collections.abc import Iterable

from devstack import processes
from devstack.addresses import Network
from devstack.errors import StackError

_NUMBERS = range(200, 250)


def choose(taken: Iterable[Network]) -> Network:
    """Return the first network that neither another stack nor this machine uses."""
    numbers = {network.number for network in taken}
    for number in _NUMBERS:
        network = Network(number)
        if number not in numbers and not conflict(network):
            return network
    message = (
        f"expected a free network among 10.{_NUMBERS[0]}.0.0/22 to 10.{_NUMBERS[-1]}.0.0/22, "
        "found none: remove a stack with `python3 -m devstack --name NAME down --purge`"
    )
    raise StackError(message)


def conflict(network: Network) -> str | None:
    """Return the interface of this machine that uses the range, the stack's own left out."""
    wanted = ipaddress.ip_network(network.range)
    for route in _ip_json("-4", "route", "show", "table", "all"):
        device = route.get("dev", "")
        if route["dst"] == "default" or device == network.interface:
            continue
        if wanted.overlaps(ipaddress.ip_network(route["dst"], strict=False)):
            return device or "another route"
    return None


def connected(network: Network) -> bool:
    """Tell whether the host's end of the wire is there and the node has taken the other."""
    names = _interfaces()
    return network.interface in names and _node_end(network) not in names


def create(network: Network) -> None:
    """Make the wire with both ends on this machine, so that servers can listen at once."""
    user = conflict(network)
    if user:
        message = (
            f"expected {network.range} to be free, found it in use by {user}: "
            "run `python3 -m devstack down --purge` to let the stack choose another range"
        )
        raise StackError(message)
    name = network.interface
    _ip("link", "add", name, "type", "veth", "peer", "name", _node_end(network))
    _ip("address", "add", f"{network.host}/30", "dev", name)
    _ip("link", "set", name, "up")
    _ip("route", "add", network.pods, "via", network.node)
    _ip("route", "add", network.services, "via", network.node)


def hand_over(network: Network, pid: int) -> None:
    """Move the node's end into the network namespace of its first process."""
    _ip("link", "set", _node_end(network), "netns", str(pid), "name", "eth0")


def delete(network: Network) -> None:
    """Remove the wire, both ends and its routes."""
    if network.interface in _interfaces():
        _ip("link", "delete", network.interface)


def _node_end(network: Network) -> str:
    return f"{network.interface}n"


def _interfaces() -> set[str]:
    return {link["ifname"] for link in _ip_json("link", "show")}


def _ip(*arguments: str) -> str:
    return processes.run("ip", *arguments)


def _ip_json(*arguments: str) -> list[dict[str, str]]:
    return json.loads(_ip("-json", *arguments) or "[]")
