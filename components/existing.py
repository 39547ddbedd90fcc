"""Keeps `up` from silently taking over what others made under this environment's names.

Vault's writes and Kubernetes' server-side apply do not tell a create from an overwrite.
"""

import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pulumi

from .manifests import ENVIRONMENT, Cluster

ADVICE = "choose another name, or adopt it as docs/adopt.md says"


@dataclass(frozen=True, kw_only=True)
class VaultServer:
    """How this program reaches Vault; the token is that of Vault's own tools."""

    address: str
    ca_file: str
    namespace: str

    def read(self, path: str) -> dict[str, Any] | None:
        """Return what Vault holds at `path`, or None, also where it has trouble to answer.

        Raises:
            RunError: Vault does not let this program look.

        """
        # Imported here, since most runs create nothing.
        import httpx2

        file = Path.home() / ".vault-token"
        token = os.environ.get("VAULT_TOKEN") or (file.read_text() if file.is_file() else "")
        try:
            answer = httpx2.get(
                f"{self.address}/v1/{path}",
                headers={"X-Vault-Token": token.strip(), "X-Vault-Namespace": self.namespace},
                verify=ssl.create_default_context(cafile=self.ca_file or None),
            )
        except httpx2.TransportError:
            return None  # the provider meets the same trouble and says it
        if answer.status_code == HTTPStatus.NOT_FOUND or answer.is_server_error:
            return None
        if answer.is_error:
            msg = (
                f"expected to read {path} before it is written, Vault answered "
                f"{answer.status_code}; see docs/deployer-policy.hcl"
            )
            raise pulumi.RunError(msg)
        return answer.json()["data"]


@dataclass(frozen=True, kw_only=True)
class Guard:
    """Looks before a create whether the thing exists and is not this environment's."""

    environment: str
    cluster: Cluster
    vault: VaultServer

    def hooks(self, name: str) -> pulumi.ResourceHookBinding:
        """Return the hook that refuses; `name` is unique in the stack."""
        hook = pulumi.ResourceHook(f"{name}-guard", self._check)
        return pulumi.ResourceHookBinding(before_create=[hook])

    def _check(self, args: pulumi.ResourceHookArgs) -> None:
        inputs = args.new_inputs or {}
        if args.type.startswith("kubernetes:"):
            _check_object(self.environment, self.cluster, inputs)
        else:
            _check_vault(self.vault, args.type, inputs)


def _check_object(environment: str, cluster: Cluster, inputs: Mapping[str, Any]) -> None:
    from httpx2 import TransportError
    from lightkube import ApiError
    from lightkube.resources.core_v1 import Namespace, ServiceAccount

    from .job_pods import connect

    kind, metadata = inputs["kind"], inputs["metadata"]
    client = connect(cluster)
    try:
        if kind == "Namespace":
            found: Any = client.get(Namespace, metadata["name"])
        else:
            found = client.get(ServiceAccount, metadata["name"], namespace=metadata["namespace"])
    except TransportError:
        return  # the provider meets the same trouble and says it
    except ApiError as error:
        if error.status.code == HTTPStatus.NOT_FOUND:
            return
        raise
    annotations: dict[str, str] = found.metadata.annotations or {}
    owner = annotations.get(ENVIRONMENT)
    if owner != environment:
        whose = f"that of environment {owner!r}" if owner else "somebody else's"
        _refuse(f"{kind} {metadata['name']!r}", whose)


def _check_vault(vault: VaultServer, type_: str, inputs: Mapping[str, Any]) -> None:
    if type_ == "vault:index/policy:Policy":
        what, path = f"Vault policy {inputs['name']!r}", f"sys/policies/acl/{inputs['name']}"
    else:
        what = f"Vault role {inputs['roleName']!r}"
        path = f"auth/{inputs['backend']}/role/{inputs['roleName']}"
    found = vault.read(path)
    # One that says the same was left by an interrupted `up`, or the state was lost: harmless.
    says = [key for key in inputs if key not in ("backend", "roleName", "name") and key[0] != "_"]
    if found and any(found.get(_snake(key)) != inputs[key] for key in says):
        _refuse(what, "another one")


def _refuse(what: str, whose: str) -> None:
    msg = f"nothing was overwritten: expected {what} not to exist yet, found {whose}; {ADVICE}"
    raise pulumi.RunError(msg)


def _snake(key: str) -> str:
    return re.sub("[A-Z]", lambda match: "_" + match[0].lower(), key)
