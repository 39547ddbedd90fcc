"""Sends HTTP through a proxy or straight, as Go's HTTP client does."""

import ssl
from collections.abc import Callable

import httpx2


def transport(context: ssl.SSLContext, proxy: str | None) -> httpx2.HTTPTransport:
    """Return what sends requests; what an environment says of proxies was asked before."""
    through = None
    if proxy:
        # Go trusts a proxy by what it trusts the server by.
        is_over_tls = proxy.startswith("https:")
        through = httpx2.Proxy(proxy, ssl_context=context if is_over_tls else None)
    return httpx2.HTTPTransport(verify=context, proxy=through, trust_env=False)


class Routes(httpx2.BaseTransport):
    """Sends each request by the way to its own server: a redirect may lead to another one."""

    def __init__(self, context: ssl.SSLContext, proxy_to: Callable[[str], str | None]) -> None:
        self._context, self._proxy_to = context, proxy_to
        self._opened: list[httpx2.HTTPTransport] = []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send it."""
        self._opened.append(transport(self._context, self._proxy_to(str(request.url))))
        return self._opened[-1].handle_request(request)

    def close(self) -> None:
        """Close all connections."""
        for each in self._opened:
            each.close()
