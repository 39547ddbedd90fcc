"""What an address must fulfil that the Jobs show and that a shell or a log may read."""

import re

# No user information, which would stand in the Jobs, and nothing that a shell or a log obeys.
URL = re.compile(r"https?://([\w.-]+|\[[\da-fA-F:.]+\])(:(?P<port>\d{1,5}))?(/[\w./-]*)?", re.ASCII)


def vault_url(url: str) -> str | None:
    """Return what is wrong with an address of Vault, where there is one."""
    if not url or is_url(url):
        return None
    return f"expected a URL such as https://vault.example.com:8200, found {shown(url)}"


def is_url(text: str) -> bool:
    """Tell whether a text is an address by HTTP that may stand in a Job."""
    match = URL.fullmatch(text)
    return match is not None and int(match["port"] or 443) in range(1, 65536)


def shown(url: str) -> str:
    """Return an address for a message, unless a password may stand in it."""
    return "one with a user in it, which the Jobs would show" if "@" in url else repr(url)
