"""Lets one ServiceAccount read one secret of Vault."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NotRequired, TypedDict

import pulumi
import pulumi_vault as vault

from ..kubernetes.files import render
from ..kubernetes.manifests import service_account
from ..kubernetes.object import KubernetesObject
from ..ownership.annotations import OWNER
from ..ownership.check import OwnershipCheck

POLICY = Path(__file__).with_name("read-credential.hcl")

# One read, one renewal, one revocation, and room for what vault-init asks where a read fails.
TOKEN_USES = 10
TOKEN_TTL_SECONDS = 120


class RoleBounds(TypedDict):
    """Parameters of a Kubernetes-auth role as Vault's API names them: who, and for how long."""

    bound_service_account_names: list[str]
    bound_service_account_namespaces: list[str]
    audience: str
    alias_name_source: str
    token_no_default_policy: bool
    token_ttl: int
    token_explicit_max_ttl: int
    token_num_uses: int


def role_bounds(namespace: str, service_account: str, audience: str) -> RoleBounds:
    """Return what a role allows besides its policies: one account, briefly; seconds and uses."""
    return {
        "bound_service_account_names": [service_account],
        "bound_service_account_namespaces": [namespace],
        "audience": audience,
        # By name, the next account of that name would be taken for this one. It is Vault's own
        # default, but what is not said here is not mended either.
        "alias_name_source": "serviceaccount_uid",
        "token_no_default_policy": True,
        "token_ttl": TOKEN_TTL_SECONDS,
        "token_explicit_max_ttl": TOKEN_TTL_SECONDS,
        "token_num_uses": TOKEN_USES,
    }


def owned_policy(kv_mount: str, secret_path: str, owner: str) -> str:
    """Return the policy that reads one secret, with the id of the stack that owns it."""
    policy = render(POLICY, {"kv_mount": kv_mount, "secret_path": secret_path})
    return f"# {OWNER}: {owner}\n{policy}"


class Credential(TypedDict):
    """A PostgreSQL credential as the secret holds it."""

    host: pulumi.Input[str]
    port: pulumi.Input[str]
    database: pulumi.Input[str]
    username: pulumi.Input[str]
    password: pulumi.Input[str]


class VaultAccessArgs(TypedDict):
    """Inputs of VaultAccess."""

    check: OwnershipCheck
    """Refuses to overwrite an account, a policy or a role that others made."""
    namespace: str
    """Kubernetes namespace of the ServiceAccount."""
    service_account: str
    """Name of the ServiceAccount to create, the only one that may log in."""
    role: str
    """Name of the Kubernetes-auth role."""
    policy: str
    """Name of the policy, which reads `secret_path` and nothing else."""
    auth_mount: str
    """Mount of the Kubernetes auth method."""
    audience: str
    """Audience that a login token must carry."""
    kv_mount: str
    """Mount of the KV version 2 engine."""
    secret_path: str
    """Path of the secret below the mount."""
    credential: NotRequired[Credential]
    """Value to write once; without it the secret is somebody else's and must exist."""
    more_policies: NotRequired[Sequence[str]]
    """Policies that the role has beside `policy`."""
    keep_secret_versions: bool
    """Keep a written secret's versions on destroy."""
    needs: Sequence[pulumi.Resource]
    """What must be there before: the namespace and Vault's mounts, where they are created too."""


class VaultAccess(pulumi.ComponentResource):
    """Provisions ServiceAccount, policy, Kubernetes-auth role and, if asked to, the secret."""

    login: pulumi.Output[dict[str, str]]
    """What a pod needs to read the secret: serviceAccount, vaultRole and secretPath."""

    def __init__(
        self, name: str, args: VaultAccessArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("langgraph-checkpoint:index:VaultAccess", name, None, opts)
        needs, environment = args["needs"], args["check"].environment
        hooks = args["check"].hooks(name)

        account = KubernetesObject(
            f"{name}-account",
            service_account(args["namespace"], environment, args["service_account"]),
            args["check"],
            pulumi.ResourceOptions(parent=self, depends_on=needs),
        )
        policy = vault.Policy(
            f"{name}-policy",
            name=args["policy"],
            policy=pulumi.Output.from_input(args["check"].owner).apply(
                lambda owner: owned_policy(args["kv_mount"], args["secret_path"], owner)
            ),
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[account], hooks=hooks, delete_before_replace=True
            ),
        )
        role = vault.kubernetes.AuthBackendRole(
            f"{name}-role",
            backend=args["auth_mount"],
            role_name=args["role"],
            token_policies=[policy.name, *args.get("more_policies", [])],
            **role_bounds(args["namespace"], args["service_account"], args["audience"]),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[*needs, account],
                hooks=hooks,
                # Made under its old name first, `up --replace` would delete what it has just made.
                delete_before_replace=True,
                # Only the cluster's operator knows the pods' addresses, see docs/permissions.md.
                ignore_changes=["tokenBoundCidrs"],
            ),
        )
        if "credential" in args:
            self._write_once(name, args, args["credential"])

        self.login = pulumi.Output.all(
            serviceAccount=account.metadata["name"],
            vaultRole=role.role_name,
            secretPath=f"{args['kv_mount']}/{args['secret_path']}",
        )
        self.register_outputs({"login": self.login})

    def _write_once(self, name: str, args: VaultAccessArgs, credential: Credential) -> None:
        # Check-and-set 0 refuses to overwrite a secret that is there already. It must stand in the
        # options: the provider's own `cas` is sent where Vault does not look
        # (terraform-provider-vault#1727). Every update writes a version, so all that may change is
        # ignored: a rotation outside stays, and so does a secret that was imported. Not reading
        # keeps the rotated value out of the state.
        vault.kv.SecretV2(
            f"{name}-secret",
            mount=args["kv_mount"],
            name=args["secret_path"],
            options={"cas": "0"},
            data_json=pulumi.Output.secret(pulumi.Output.all(**credential).apply(json.dumps)),
            disable_read=True,
            delete_all_versions=not args["keep_secret_versions"],
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=args["needs"],
                ignore_changes=["dataJson", "options", "disableRead", "deleteAllVersions"],
            ),
        )
