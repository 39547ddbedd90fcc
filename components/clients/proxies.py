"""Finds the proxy to a server as Go's programs do: kubectl, vault, bao and Pulumi's providers.

Their rule (golang.org/x/net/http/httpproxy) differs from that of Python's HTTP libraries: a host on
loopback never has one, NO_PROXY takes ranges and ports, and ALL_PROXY means nothing.
"""

import re
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

SCHEMES = ("http", "https", "socks5")
PORTS = {"http": 80, "https": 443}
# An IPv6 address has colons of its own; only in brackets can a port follow it.
PORT = re.compile(r"(\[.*\]|[^:]+):(\d+)")


class ProxyError(ValueError):
    """What is wrong with a proxy's URL, which is not quoted: it may hold a password."""


def checked(url: str) -> str:
    """Return the URL of a proxy.

    Raises:
        ProxyError: it is none that can be used.

    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in SCHEMES and parts.hostname and (parts.port or True)
    except ValueError:
        usable = False
    if not usable:
        schemes = " or ".join(SCHEMES)
        msg = f"expected a proxy as SCHEME://HOST:PORT with {schemes}, found another text"
        raise ProxyError(msg)
    return url


def proxy_of(url: str, environ: Mapping[str, str]) -> str | None:
    """Return the proxy that the environment names for requests to `url`, or None.

    Raises:
        ProxyError: the environment names none that can be used.

    """
    server = urlsplit(url)
    name = f"{server.scheme}_proxy"
    proxy = environ.get(name.upper()) or environ.get(name)
    if not proxy or _is_direct(server, environ.get("NO_PROXY") or environ.get("no_proxy", "")):
        return None
    try:
        return checked(proxy if "://" in proxy else f"http://{proxy}")
    except ProxyError as error:
        msg = f"{name.upper()}: {error}"
        raise ProxyError(msg) from None


def _is_direct(server: SplitResult, no_proxy: str) -> bool:
    host, port = server.hostname or "", server.port or PORTS.get(server.scheme)
    if host == "localhost" or _is_loopback(host):
        return True
    entries = [entry.strip().lower() for entry in no_proxy.split(",")]
    return any(entry == "*" or _matches(entry, host, port) for entry in entries if entry)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _matches(entry: str, host: str, port: int | None) -> bool:
    """Tell whether one entry of NO_PROXY means the host: a range, an address or a domain."""
    try:
        if "/" in entry:
            return ip_address(host) in ip_network(entry, strict=False)
        with_port = PORT.fullmatch(entry)
        named, at = with_port.groups() if with_port else (entry, str(port))
        if int(at) != port:
            return False
        named = named.strip("[]")
        domain = "." + named.removeprefix("*").removeprefix(".")
        # `.a.b` and `*.a.b` mean what is below a domain, `a.b` the domain too.
        return host.endswith(domain) or host == named or ip_address(host) == ip_address(named)
    except ValueError:
        return False
