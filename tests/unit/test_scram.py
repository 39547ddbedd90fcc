import hashlib
import hmac
import re
from base64 import b64decode

import pytest

from components.database import scram

# The exchange of RFC 7677, section 3, with the password "pencil".
SALT = "W22ZaJ0SNY7soEsUEjb6gQ=="
NONCE = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
MESSAGE = f"n=user,r=rOprNGfwEbeRWgbNEkqO,r={NONCE},s={SALT},i=4096,c=biws,r={NONCE}".encode()
CLIENT_PROOF = b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
SERVER_SIGNATURE = b64decode("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")


def test_the_verifier_proves_both_sides_of_the_exchange_in_the_rfc(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scram.secrets, "token_bytes", lambda _: b64decode(SALT))

    found = re.fullmatch(r"SCRAM-SHA-256\$4096:(.*)\$(.*):(.*)", scram.verifier("pencil"))

    assert found
    assert found[1] == SALT
    stored, server = map(b64decode, found.groups()[1:])
    signature = hmac.digest(stored, MESSAGE, "sha256")
    client = bytes(a ^ b for a, b in zip(CLIENT_PROOF, signature, strict=True))
    assert hashlib.sha256(client).digest() == stored
    assert hmac.digest(server, MESSAGE, "sha256") == SERVER_SIGNATURE
