"""Checks the CA files that a ConfigMap is to show."""

from pathlib import Path


def certificates(path: str) -> str | None:
    """Return what is wrong with a file that is not for everybody's eyes: a ConfigMap shows it."""
    if not path:
        return None
    if not Path(path).is_file():
        return f"expected a PEM file, found none at {path!r}"
    content = Path(path).read_bytes()
    if b"-----BEGIN CERTIFICATE-----" not in content or b"PRIVATE KEY" in content:
        return f"expected certificates in PEM and no key, found others in {path!r}"
    return None
