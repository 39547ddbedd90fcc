"""Reads from Vault what this program asks itself, as Vault's own tools would."""

import os
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pulumi

if TYPE_CHECKING:
    import httpx2

TIMEOUT_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class VaultServer:
    """How this program reaches Vault; the token is that of Vault's own tools."""

    address: str
    ca_file: str
    namespace: str
    seconds: float = TIMEOUT_SECONDS

    def cluster_id(self) -> str:
        """Return the id by which this Vault knows itself, wherever it is reached.

        Raises:
            RunError: Vault does not say, since it is away, sealed or something else.

        """
        # Of the whole server: in a namespace there is no such path. A standby answers too.
        answer = self._get("sys/health?standbyok=true&perfstandbyok=true", namespace="")
        try:
            return answer.json()["cluster_id"]
        except (ValueError, LookupError, TypeError):
            self._refuse("sys/health", f"status {answer.status_code} and no cluster_id")

    def read(self, path: str) -> dict[str, Any] | None:
        """Return what Vault holds at `path`, or None where it says that there is nothing.

        Raises:
            RunError: Vault does not say; the provider would try again, and then overwrite.

        """
        answer = self._get(path, namespace=self.namespace)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        if answer.status_code != HTTPStatus.OK:
            self._refuse(path, f"status {answer.status_code}")
        try:
            return answer.json()["data"]
        except (ValueError, LookupError, TypeError):
            self._refuse(path, "an answer that is not Vault's")

    def _get(self, path: str, *, namespace: str) -> "httpx2.Response":
        # Imported here, since most runs create nothing.
        import httpx2

        def check(request: httpx2.Request) -> None:
            if self.address.startswith("https:") and request.url.scheme != "https":
                msg = "a redirect away from https"
                raise httpx2.UnsupportedProtocol(msg)

        file = Path.home() / ".vault-token"
        token = os.environ.get("VAULT_TOKEN") or (file.read_text() if file.is_file() else "")
        try:
            with httpx2.Client(
                headers={"X-Vault-Token": token.strip(), "X-Vault-Namespace": namespace},
                verify=ssl.create_default_context(cafile=self.ca_file or None),
                timeout=self.seconds,
                # A standby sends to the active one, and the token has to go along.
                follow_redirects=True,
                event_hooks={"request": [check]},
            ) as client:
                return client.get(f"{self.address.rstrip('/')}/v1/{path}")
        except httpx2.HTTPError as error:
            self._refuse(path, f"{type(error).__name__}: {error}")

    def _refuse(self, path: str, found: str) -> NoReturn:
        msg = (
            f"nothing was written: expected Vault at {self.address} to say what is at {path}, "
            f"found {found}; check vaultAddress, vaultCaCertFile, Vault and the token's rights "
            "(docs/deployer-policy.hcl)"
        )
        raise pulumi.RunError(msg)
