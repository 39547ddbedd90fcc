"""The manifests as a Helm chart of one environment."""

import json
from collections.abc import Mapping
from pathlib import Path

from components.migration_files import render
from components.storage_args import CheckpointStorageArgs

from .manifests import (
    ACCOUNT,
    FILES,
    MIGRATION,
    NETWORK,
    ROLLBACK,
    VERIFICATION,
    Manifest,
    annotated,
    dump,
    kept,
    manifests,
)

CHART = Path(__file__).with_name("chart")
BEFORE = "pre-install,pre-upgrade"
# Hook and weight: what the Jobs need, then the migration, then its verification.
HOOKS = {
    NETWORK: (BEFORE, -10),
    ACCOUNT: (BEFORE, -10),
    FILES: (BEFORE, -10),
    MIGRATION: (BEFORE, -5),
    VERIFICATION: (BEFORE, 0),
    ROLLBACK: ("pre-delete", 0),
}


def chart(args: CheckpointStorageArgs) -> dict[str, str]:
    """Return the files of the chart, by path."""
    made = {name: _hook(name, manifest) for name, manifest in manifests(args, "Helm").items()}
    jobs, contents = args["jobs"], made[FILES].pop("data")
    images = {"postgresImage": jobs["postgres_image"], "vaultImage": jobs["vault_image"]}
    about = {
        "environment": args["environment"],
        "namespace": args["namespace"],
        "service_account": args["service_account"],
        "account": dump(made.pop(ACCOUNT)),
        "files": dump(made.pop(FILES)),
        "verification": f"job/{made[VERIFICATION]['metadata']['name']}",
    }
    return {
        **{
            path.relative_to(CHART).as_posix(): render(path, about)
            for path in sorted(CHART.rglob("*.*"))
        },
        "values.yaml": "".join(f"{key}: {json.dumps(value)}\n" for key, value in images.items()),
        **{f"files/{name}": content for name, content in contents.items()},
        **{
            f"templates/{name}.yaml": dump(_with_values(manifest, images))
            for name, manifest in made.items()
        },
    }


def _hook(name: str, manifest: Manifest) -> Manifest:
    hook, weight = HOOKS[name]
    annotations = {
        "helm.sh/hook": hook,
        "helm.sh/hook-weight": str(weight),
        "helm.sh/hook-delete-policy": "before-hook-creation",
    }
    return annotated(kept(manifest) if manifest["kind"] == "Job" else manifest, annotations)


def _with_values(manifest: Manifest, images: Mapping[str, str]) -> Manifest:
    """Let values.yaml name the images; the rest is a matter of the environment's settings."""
    if manifest["kind"] == "Job":
        pod = manifest["spec"]["template"]["spec"]
        values = {image: f"{{{{ .Values.{key} }}}}" for key, image in images.items()}
        for container in [*pod["initContainers"], *pod["containers"]]:
            container["image"] = values[container["image"]]
    return manifest
