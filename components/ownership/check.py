"""Keeps `up` from silently taking over what others made under this environment's names.

Vault's writes and Kubernetes' server-side apply do not tell a create from an overwrite.
"""

# lightkube's generic signatures are only partially typed.
# pyright: reportUnknownMemberType=false

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NoReturn

import pulumi

from ..clients.cluster import Cluster
from ..clients.vault import VaultServer
from .annotations import ENVIRONMENT, OWNER

ADVICE = "choose another name, or adopt it as docs/adopt.md says"
POLICY_OWNER = re.compile(rf"^# {OWNER}: (\S+)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class OwnershipCheck:
    """Looks before a write whether the thing exists and is not this stack's."""

    environment: str
    owner: pulumi.Input[str]
    cluster: Cluster
    vault: VaultServer

    def hook(self, name: str) -> pulumi.ResourceHook:
        """Return the hook that refuses; `name` is unique in the stack."""
        return pulumi.ResourceHook(f"{name}-ownership", self._check)

    def hooks(self, name: str) -> pulumi.ResourceHookBinding:
        """Return the hook alone, before a create and an update."""
        hook = self.hook(name)
        return pulumi.ResourceHookBinding(before_create=[hook], before_update=[hook])

    def _check(self, args: pulumi.ResourceHookArgs) -> None:
        inputs, before = args.new_inputs or {}, args.old_inputs
        if args.type.startswith("kubernetes:"):
            _check_object(self.cluster, inputs, before)
        elif args.type == "vault:index/policy:Policy":
            _check_policy(self.vault, inputs, before)
        elif before is None:
            _check_role(self.vault, inputs)


def _check_object(
    cluster: Cluster, inputs: Mapping[str, Any], before: Mapping[str, Any] | None
) -> None:
    from httpx2 import HTTPError
    from lightkube import ApiError
    from lightkube.core.resource_registry import resource_registry

    from ..clients.kubernetes import connect

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
    environment, owner = annotations.get(ENVIRONMENT), annotations.get(OWNER)
    whose = f"that of environment {environment!r}" if environment else "somebody else's"
    wanted: Mapping[str, str] = metadata["annotations"]
    if OWNER not in wanted:
        # It outlives its stack, as a volume of dumps does, and belongs to the environment's next.
        if before is None and environment != wanted.get(ENVIRONMENT):
            _refuse(what, whose, new=True)
        return
    old: Mapping[str, str] = before["metadata"].get("annotations", {}) if before else {}
    known = {wanted[OWNER], old.get(OWNER)}
    _expect_ours(what, owner, known, whose, new=before is None)


def _check_policy(
    vault: VaultServer, inputs: Mapping[str, Any], before: Mapping[str, Any] | None
) -> None:
    found = vault.read(f"sys/policies/acl/{inputs['name']}")
    if found:
        known = {policy_owner(inputs["policy"]), policy_owner((before or {}).get("policy", ""))}
        owner, what = policy_owner(found["policy"]), f"Vault policy {inputs['name']!r}"
        _expect_ours(what, owner, known, "another one", new=before is None)


def _check_role(vault: VaultServer, inputs: Mapping[str, Any]) -> None:
    found = vault.read(f"auth/{inputs['backend']}/role/{inputs['roleName']}")
    # Vault keeps no mark of ours in a role. One that says the same, down to the policy that was
    # looked at before it, was left by an interrupted `up`, or the state was lost.
    says = [key for key in inputs if key not in ("backend", "roleName") and key[0] != "_"]
    if found and any(found.get(_snake(key)) != inputs[key] for key in says):
        _refuse(f"Vault role {inputs['roleName']!r}", "another one", new=True)


def policy_owner(text: str) -> str | None:
    """Return the id of the stack that a policy's text names."""
    match = POLICY_OWNER.search(text)
    return match[1] if match else None


def _expect_ours(
    what: str, owner: str | None, known: set[str | None], whose: str, *, new: bool
) -> None:
    """Refuse another stack's; nobody's too, unless the state knows it, as after an import."""
    if owner not in known and owner is not None:
        _refuse(what, f"{whose}, whose owner id is {owner}", new=new)
    if owner is None and new:
        _refuse(what, whose, new=new)


def _refuse(what: str, found: str, *, new: bool) -> NoReturn:
    expected = "not to exist yet" if new else "to be this stack's"
    msg = f"nothing was overwritten: expected {what} {expected}, found {found}; {ADVICE}"
    raise pulumi.RunError(msg)


def _snake(key: str) -> str:
    return re.sub("[A-Z]", lambda match: "_" + match[0].lower(), key)
