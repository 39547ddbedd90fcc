"""Makes ServiceAccount tokens that the API server would not: forged, tampered, out of time."""

import base64
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

Key = ec.EllipticCurvePrivateKey


def signing_key(pki: Path) -> Key:
    """Return the key that the stack's own API server signs with."""
    text = (pki / "service-accounts.key").read_bytes()
    key = serialization.load_pem_private_key(text, password=None)
    assert isinstance(key, Key)
    return key


def new_key() -> Key:
    """Return the key of another cluster."""
    return ec.generate_private_key(ec.SECP256R1())


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the header and the claims of a token."""
    header, claims, _ = token.split(".")
    return json.loads(_decode(header)), json.loads(_decode(claims))


def signed(header: dict[str, Any], claims: dict[str, Any], key: Key) -> str:
    """Return a token with these claims and a valid signature by the key."""
    text = f"{_encode(json.dumps(header).encode())}.{_encode(json.dumps(claims).encode())}"
    r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{text}.{_encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def with_claims(token: str, **changes: Any) -> str:
    """Return the token with other claims and its old signature."""
    header, claims = parts(token)
    _, _, signature = token.split(".")
    text = [_encode(json.dumps(part).encode()) for part in (header, claims | changes)]
    return ".".join([*text, signature])


def unsigned(token: str) -> str:
    """Return the token with the algorithm "none"."""
    header, claims = parts(token)
    text = [_encode(json.dumps(part).encode()) for part in (header | {"alg": "none"}, claims)]
    return ".".join([*text, ""])


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
