"""What PostgreSQL keeps of a password, so that the password itself stands in no statement."""

import hashlib
import hmac
import secrets
from base64 import b64encode

ITERATIONS = 4096


def verifier(password: str) -> str:
    """Return the SCRAM-SHA-256 verifier of an ASCII password, another one at each call."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, ITERATIONS)
    client = hmac.digest(salted, b"Client Key", "sha256")
    stored = hashlib.sha256(client).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    encoded = [b64encode(part).decode() for part in (salt, stored, server)]
    return "SCRAM-SHA-256${}:{}${}:{}".format(ITERATIONS, *encoded)
