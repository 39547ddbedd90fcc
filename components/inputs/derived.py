"""What follows from inputs in several rooms."""

from pathlib import Path

from .storage import CheckpointStorageArgs


def ssl_mode(args: CheckpointStorageArgs) -> str:
    """Return libpq's sslmode for whoever connects to the database."""
    return args.insecure_database_ssl_mode or "verify-full"


def pem(path: str) -> str:
    """Return the certificates of a file, or nothing where none is named."""
    return Path(path).read_text() if path else ""
