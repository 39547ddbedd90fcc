"""The manifests for Argo CD: all but the verification come before whatever else is synced."""

from typing import NamedTuple

from components.inputs.storage import CheckpointStorageArgs

from .manifests import (
    ACCOUNT,
    FILES,
    MIGRATION,
    NETWORK,
    ROLLBACK,
    VERIFICATION,
    annotated,
    dump,
    kept,
    manifests,
)

ARGO = "argocd.argoproj.io"
AGAIN = "BeforeHookCreation"
# Argo CD has no policy that keeps a hook whatever happens. This one keeps it while syncs succeed:
# Vault knows the account by its uid, and counts that of a new one as another client.
STAYS = "HookFailed"


class Hook(NamedTuple):
    """When an object is made, and what becomes of the one before it."""

    phase: str
    wave: int
    delete_policy: str


# The account and the files are hooks themselves: in the phase PreSync nothing else exists yet.
HOOKS = {
    NETWORK: Hook("PreSync", -10, STAYS),
    ACCOUNT: Hook("PreSync", -10, STAYS),
    FILES: Hook("PreSync", -10, AGAIN),
    MIGRATION: Hook("PreSync", -5, AGAIN),
    # Before the application, whose wave is 0 where it names none.
    VERIFICATION: Hook("Sync", -1, AGAIN),
}


def argocd(args: CheckpointStorageArgs) -> dict[str, str]:
    """Return the files of a folder for an Application, by path."""
    files: dict[str, str] = {}
    for name, manifest in manifests(args, "argocd").items():
        if name == ROLLBACK:
            continue
        hook = HOOKS[name]
        annotations = {
            f"{ARGO}/hook": hook.phase,
            f"{ARGO}/sync-wave": str(hook.wave),
            f"{ARGO}/hook-delete-policy": hook.delete_policy,
        }
        job = kept(manifest) if manifest["kind"] == "Job" else manifest
        files[f"{name}.yaml"] = dump(annotated(job, annotations))
    return files
