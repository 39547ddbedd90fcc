"""Starts an S3 server whose buckets are folders, with TLS, and stops it by its pid."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import STDOUT, Popen

import trustme

from devstack.toolchain import golang, programs
from devstack.waiting import wait_until

KEY_ID, KEY = "backup", "not/known+to=anybody"
BUCKET = "dumps"


@dataclass(frozen=True)
class S3Server:
    """A running server with one bucket."""

    address: str
    ca_file: Path
    bucket: Path
    """The bucket as a folder."""


@contextmanager
def s3_server(folder: Path, host: str = "127.0.0.1") -> Iterator[S3Server]:
    """Run the server on an address of this machine; `folder` takes the bucket and certificates."""
    program = golang.build(programs.S3_SERVER, lambda _: None)
    bucket = folder / "buckets" / BUCKET
    bucket.mkdir(parents=True)
    authority = trustme.CA()
    certificate, ca_file = folder / "server.pem", folder / "ca.pem"
    authority.issue_cert(host).private_key_and_cert_chain_pem.write_to_path(certificate)
    authority.cert_pem.write_to_path(ca_file)
    with socket.socket() as probe:
        probe.bind((host, 0))
        port = probe.getsockname()[1]
    command = [
        *(program, "--quiet", "--port", f"{host}:{port}"),
        *("--cert", certificate, "--key", certificate),
        *("posix", bucket.parent),
    ]
    keys = {"ROOT_ACCESS_KEY": KEY_ID, "ROOT_SECRET_KEY": KEY}
    with (
        (folder / "log").open("wb") as log,
        Popen(command, env=os.environ | keys, stdout=log, stderr=STDOUT) as process,
    ):
        try:
            wait_until(lambda: _accepts(host, port) or process.poll() is not None, "S3", seconds=30)
            yield S3Server(f"https://{host}:{port}", ca_file, bucket)
        finally:
            process.terminate()


def _accepts(host: str, port: int) -> bool:
    with suppress(ConnectionRefusedError), socket.create_connection((host, port)):
        return True
    return False
