"""Checks the CA files that a ConfigMap is to show."""

from collections.abc import Iterator
from pathlib import Path


def no_certificate(key: str, path: str) -> Iterator[str]:
    """Complain of a file that is not for everybody's eyes, since a ConfigMap shows it to many."""
    if path and not Path(path).is_file():
        yield f"{key}: expected a PEM file, found none at {path!r}"
    elif path:
        content = Path(path).read_bytes()
        if b"-----BEGIN CERTIFICATE-----" not in content or b"PRIVATE KEY" in content:
            yield f"{key}: expected certificates in PEM and no key, found others in {path!r}"
