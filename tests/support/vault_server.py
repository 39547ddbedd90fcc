"""A real Vault server without a cluster: for vault-init alone, in seconds."""

import json
import os
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import trustme

from components.kubernetes.files import render
from components.vault.access import POLICY, role_bounds
from devstack.waiting import wait_until
from tests.support.deployment import Outcome
from tests.support.ports import free_port
from tests.support.token_reviews import ACCOUNT, AUDIENCE, NAMESPACE, TokenReviews
from tests.support.token_reviews import service_account_token as service_account_token
from tests.support.vault_api import VaultApi

CONFIGURATION = """
api_addr      = "https://127.0.0.1:{port}"
cluster_addr  = "https://127.0.0.1:{cluster}"
disable_mlock = true
storage "inmem" {{}}
listener "tcp" {{
  address         = "127.0.0.1:{port}"
  cluster_address = "127.0.0.1:{cluster}"
  tls_cert_file   = "{folder}/vault.crt"
  tls_key_file    = "{folder}/vault.key"
}}
"""
SECRET_PATH = "bizmatters/agent-executor/postgres"
SECRET = {"host": "h", "port": "1", "database": "d", "username": "u", "password": "p"}


def policy(kv_mount: str) -> str:
    """Return the policy that the program writes."""
    return render(POLICY, {"kv_mount": kv_mount, "secret_path": SECRET_PATH})


class VaultServer:
    """One server with the mounts, the role and the policy that an environment has.

    It has the attributes of a Deployment that the causes of failures are made with.
    """

    def __init__(self, program: Path, folder: Path, reviews: TokenReviews, port: int) -> None:
        self.folder, self.reviews = folder, reviews
        tools = folder / "tools"
        tools.mkdir()
        for name in ("vault", "bao"):
            (tools / name).symlink_to(program)
        self.settings: dict[str, Any] = {
            "namespace": NAMESPACE,
            "vaultAuthMount": "kubernetes",
            "vaultKvMount": "kv",
            "vaultRole": ACCOUNT,
        }
        address, authority = f"https://127.0.0.1:{port}", str(folder / "ca.crt")
        self.environ = {
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            # Vault 1.15 makes a cache there, and where it is not set in the current folder.
            "HOME": str(folder),
            "VAULT_ADDR": address,
            # OpenBao's command line listens to these first.
            "BAO_ADDR": address,
            "VAULT_CACERT": authority,
            "VAULT_TOKEN": "",
        }
        self.api = VaultApi(self)
        self.key = ""

    def run(self, *command: str, **environ: str) -> Outcome:
        """Run the command line to its end."""
        done = subprocess.run(
            command,
            env=self.environ | environ,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        return Outcome(done.returncode, done.stdout + done.stderr)

    def ask(self, method: str, path: str, /, **body: Any) -> dict[str, Any]:
        """Send a request with the root token and return the answer."""
        content = json.dumps(body).encode() if body else b""
        status, answer = self.api.request(method, path, body=content)
        assert status in (HTTPStatus.OK, HTTPStatus.NO_CONTENT), (path, status, answer)
        return answer

    def prepare(self) -> None:
        """Initialise, unseal and provision as `pulumi up` would."""
        keys = self.ask("PUT", "sys/init", secret_shares=1, secret_threshold=1)
        self.environ["VAULT_TOKEN"], (self.key,) = keys["root_token"], keys["keys_base64"]
        self.unseal()
        self.ask("POST", "sys/mounts/kv", type="kv", options={"version": "2"})
        self.ask("POST", "sys/auth/kubernetes", type="kubernetes")
        self.write_auth()
        self.write_policy(policy("kv"))
        self.write_role()
        wait_until(self._kv_is_ready, "the KV mount to be upgraded", seconds=30)

    def write_auth(self, **changes: Any) -> None:
        """Tell Vault where the API server is."""
        config = {
            "kubernetes_host": self.reviews.url,
            "kubernetes_ca_cert": (self.folder / "ca.crt").read_text(),
            "token_reviewer_jwt": "reviewer",
            "disable_local_ca_jwt": True,
        }
        self.ask("POST", "auth/kubernetes/config", **(config | changes))

    def write_role(self, **changes: Any) -> None:
        """Write the role as the program does, but for what is named."""
        role = {**role_bounds(NAMESPACE, ACCOUNT, AUDIENCE), "token_policies": [ACCOUNT]}
        self.ask("POST", f"auth/kubernetes/role/{ACCOUNT}", **(role | changes))

    def write_policy(self, text: str) -> None:
        """Write the role's policy."""
        self.ask("PUT", f"sys/policies/acl/{ACCOUNT}", policy=text)

    def put(self, fields: dict[str, Any]) -> None:
        """Write another version of the secret."""
        self.ask("POST", f"kv/data/{SECRET_PATH}", data=fields)

    def unseal(self) -> None:
        """Unseal it and wait until it serves."""
        self.ask("PUT", "sys/unseal", key=self.key)
        wait_until(lambda: self._health() == HTTPStatus.OK, "Vault to be active", seconds=30)

    def _kv_is_ready(self) -> bool:
        body = json.dumps({"data": SECRET}).encode()
        return self.api.request("POST", f"kv/data/{SECRET_PATH}", body=body)[0] == HTTPStatus.OK

    def _health(self) -> int:
        try:
            return self.api.request("GET", "sys/health")[0]
        except OSError:
            return 0

    def answers(self) -> bool:
        """Tell whether somebody listens."""
        return self._health() != 0


@contextmanager
def vault_server(program: Path, folder: Path) -> Iterator[VaultServer]:
    """Run a server on a free port of the loopback until the block ends."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.crt")
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    certificate.private_key_pem.write_to_path(folder / "vault.key")
    for number, pem in enumerate(certificate.cert_chain_pems):
        pem.write_to_path(folder / "vault.crt", append=number > 0)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    port = free_port()
    configuration = folder / "vault.hcl"
    configuration.write_text(CONFIGURATION.format(port=port, cluster=free_port(), folder=folder))
    with TokenReviews(context) as reviews, (folder / "server.log").open("w") as log:
        server = VaultServer(program, folder, reviews, port)
        process = subprocess.Popen(
            [program, "server", f"-config={configuration}"],
            env=server.environ,
            stdout=log,
            stderr=log,
        )
        try:
            wait_until(server.answers, "the Vault server to answer", seconds=60)
            server.prepare()
            yield server
        finally:
            process.terminate()
            process.wait()
