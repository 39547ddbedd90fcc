"""The proxy to a server, by the rule of golang.org/x/net/http/httpproxy."""

import pytest

from components.clients.proxies import ProxyError, checked, proxy_of

PROXY = "http://proxy:3128"


@pytest.mark.parametrize(
    ("url", "no_proxy", "is_direct"),
    [
        ("https://api.example", "", False),
        ("https://api.example", "*", True),
        ("https://api.example", "other.example, api.example", True),
        ("https://api.example", "example", True),
        ("https://api.example", ".example", True),
        ("https://api.example", "*.example", True),
        ("https://api.example", ".api.example", False),
        ("https://api.example", "pi.example", False),
        ("https://api.example", "API.Example", True),
        ("https://api.example", "api.example:443", True),
        ("https://api.example:6443", "api.example:443", False),
        ("https://api.example", ",,", False),
        ("https://10.1.2.3:6443", "10.0.0.0/8", True),
        ("https://11.1.2.3:6443", "10.0.0.0/8", False),
        ("https://10.1.2.3:6443", "10.1.2.3:6443", True),
        ("https://10.1.2.3:6443", "10.1.2.3:1", False),
        ("https://[fd00::1]:6443", "fd00::/8", True),
        ("https://[fd00::1]:6443", "fd00:0::1", True),
        ("https://[fd00::1]:6443", "[fd00::1]:6443", True),
        ("https://[fd00::1]:6443", "[fd00::1]:1", False),
        ("https://localhost:6443", "", True),
        ("https://127.0.0.9:6443", "", True),
        ("https://[::1]:6443", "", True),
    ],
)
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_no_proxy_means_what_it_means_to_kubectl(
    url: str, no_proxy: str, is_direct: bool, name: str
) -> None:
    found = proxy_of(url, {"HTTPS_PROXY": PROXY, name: no_proxy})

    assert found == (None if is_direct else PROXY)


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({}, None),
        ({"https_proxy": PROXY}, PROXY),
        ({"HTTP_PROXY": PROXY, "ALL_PROXY": PROXY}, None),
        ({"HTTPS_PROXY": "proxy:3128"}, PROXY),
        ({"HTTPS_PROXY": "socks5://proxy:1080"}, "socks5://proxy:1080"),
    ],
)
def test_the_proxy_is_that_of_the_urls_scheme(environ: dict[str, str], found: str | None) -> None:
    assert proxy_of("https://api.example", environ) == found


@pytest.mark.parametrize("url", ["ftp://me:hunter2@proxy:1", "http://", "http://proxy:port", "x"])
def test_what_is_no_proxy_is_refused_and_never_quoted(url: str) -> None:
    with pytest.raises(ProxyError, match="expected a proxy as SCHEME://HOST:PORT") as caught:
        checked(url)

    assert "hunter2" not in str(caught.value)


def test_a_proxy_that_is_none_is_named_by_its_variable() -> None:
    with pytest.raises(ProxyError, match=r"^HTTPS_PROXY: expected a proxy"):
        proxy_of("https://api.example", {"https_proxy": "ftp://proxy:1"})
