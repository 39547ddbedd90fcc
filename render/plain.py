"""The manifests for kubectl, and what Vault is to hold for them."""

import json

from components.inputs.storage import CheckpointStorageArgs
from components.kubernetes.files import render
from components.vault.access import POLICY, role_bounds

from .manifests import dump, manifests


def plain(args: CheckpointStorageArgs) -> dict[str, str]:
    """Return a file for each object, by path."""
    made = manifests(args, "kubectl")
    return {f"{name}.yaml": dump(manifest) for name, manifest in made.items()}


def vault_files(args: CheckpointStorageArgs) -> dict[str, str]:
    """Return the policy and the role's parameters as `vault` writes them, by path."""
    paths = {"kv_mount": args.vault_kv_mount, "secret_path": args.vault_secret_path}
    policy = render(POLICY, paths)
    bounds = role_bounds(args.namespace, args.service_account, args.vault_audience)
    role = {**bounds, "token_policies": [args.vault_policy]}
    return {"policy.hcl": policy, "role.json": json.dumps(role, indent=2) + "\n"}
