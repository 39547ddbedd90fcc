"""Keeps `up` from silently taking over what others made under this environment's names.

Vault's writes and Kubernetes' server-side apply do not tell a create from an overwrite.
"""

# lightkube's generic signatures are only partially typed.
# pyright: reportUnknownMemberType=false

import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, NoReturn

import pulumi

from .manifests import ENVIRONMENT, Cluster

ADVICE = "choose another name, or adopt it as docs/adopt.md says"
TIMEOUT_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class VaultServer:
    """How this program reaches Vault; the token is that of Vault's own tools."""

    address: str
    ca_file: str
    namespace: str

    def read(self, path: str) -> dict[str, Any] | None:
        """Return what Vault holds at `path`, or None where it says that there is nothing.

        Raises:
            RunError: Vault does not say; the provider would try again, and then overwrite.

        """
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
                headers={"X-Vault-Token": token.strip(), "X-Vault-Namespace": self.namespace},
                verify=ssl.create_default_context(cafile=self.ca_file or None),
                timeout=TIMEOUT_SECONDS,
                # A standby sends to the active one, and the token has to go along.
                follow_redirects=True,
                event_hooks={"request": [check]},
            ) as client:
                answer = client.get(f"{self.address.rstrip('/')}/v1/{path}")
        except httpx2.HTTPError as error:
            self._refuse(path, f"{type(error).__name__}: {error}")
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        if answer.status_code != HTTPStatus.OK:
            self._refuse(path, f"status {answer.status_code}")
        try:
            return answer.json()["data"]
        except (ValueError, LookupError, TypeError):
            self._refuse(path, "an answer that is not Vault's")

    def _refuse(self, path: str, found: str) -> NoReturn:
        msg = (
            f"nothing was written: expected Vault at {self.address} to say what is at {path}, "
            f"found {found}; check vaultAddress, vaultCaCertFile, Vault and the token's rights "
            "(docs/deployer-policy.hcl)"
        )
        raise pulumi.RunError(msg)


@dataclass(frozen=True, kw_only=True)
class Guard:
    """Looks before a create whether the thing exists and is not this environment's."""

    environment: str
    cluster: Cluster
    vault: VaultServer

    def hook(self, name: str) -> pulumi.ResourceHook:
        """Return the hook that refuses; `name` is unique in the stack."""
        return pulumi.ResourceHook(f"{name}-guard", self._check)

    def hooks(self, name: str) -> pulumi.ResourceHookBinding:
        """Return the hook alone, before a create."""
        return pulumi.ResourceHookBinding(before_create=[self.hook(name)])

    def _check(self, args: pulumi.ResourceHookArgs) -> None:
        inputs = args.new_inputs or {}
        if args.type.startswith("kubernetes:"):
            _check_object(self.environment, self.cluster, inputs)
        else:
            _check_vault(self.vault, args.type, inputs)


def _check_object(environment: str, cluster: Cluster, inputs: Mapping[str, Any]) -> None:
    from httpx2 import HTTPError
    from lightkube import ApiError
    from lightkube.core.resource_registry import resource_registry

    from .job_pods import connect

    metadata = inputs["metadata"]
    what = f"{inputs['kind']} {metadata['name']!r}"
    where = {"namespace": metadata["namespace"]} if "namespace" in metadata else {}
    kind: Any = resource_registry.load(inputs["apiVersion"], inputs["kind"])
    try:
        found: Any = connect(cluster).get(kind, metadata["name"], **where)
    except (ApiError, HTTPError) as error:
        if isinstance(error, ApiError) and error.status.code == HTTPStatus.NOT_FOUND:
            return
        msg = (
            f"nothing was written: expected the API server to say whether {what} exists, found "
            f"{type(error).__name__}: {error}; check kubeconfig, the cluster and your rights "
            "(docs/permissions.md)"
        )
        raise pulumi.RunError(msg) from None
    annotations: dict[str, str] = found.metadata.annotations or {}
    owner = annotations.get(ENVIRONMENT)
    if owner != environment:
        whose = f"that of environment {owner!r}" if owner else "somebody else's"
        _refuse(what, whose)


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


def _refuse(what: str, whose: str) -> NoReturn:
    msg = f"nothing was overwritten: expected {what} not to exist yet, found {whose}; {ADVICE}"
    raise pulumi.RunError(msg)


def _snake(key: str) -> str:
    return re.sub("[A-Z]", lambda match: "_" + match[0].lower(), key)
