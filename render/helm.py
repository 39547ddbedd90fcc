"""The manifests as a Helm chart of one environment."""

import json
from pathlib import Path

from components.inputs.pod_names import CONTAINERS
from components.inputs.storage import CheckpointStorageArgs
from components.jobs.pod import VAULT_INIT
from components.kubernetes.files import digest, render

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
# Place-holders, until the text is one that Helm reads as it stands.
VAULT, POSTGRES = "VAULT IMAGE", "POSTGRES IMAGE"
KEEPS_ROWS = "drops the tables if they are empty, and refuses while they hold rows"
LOSES_ROWS = "drops the tables with all rows: the environment allows data loss"
BEFORE = "pre-install,pre-upgrade"
# Hook and weight: what the Jobs need, then the migration, then its verification. The files come
# anew before whatever reads them, those of the revision that it belongs to.
HOOKS = {
    NETWORK: (BEFORE, -10),
    ACCOUNT: (BEFORE, -10),
    FILES: (f"{BEFORE},pre-rollback,pre-delete", -10),
    MIGRATION: (BEFORE, -5),
    VERIFICATION: (BEFORE, 0),
    ROLLBACK: ("pre-delete", 0),
}


def chart(args: CheckpointStorageArgs) -> dict[str, str]:
    """Return the files of the chart, by path."""
    made = {name: _hook(name, manifest) for name, manifest in manifests(args, "Helm").items()}
    contents = made[FILES].pop("data")
    about = {
        "environment": args.environment,
        "namespace": args.namespace,
        "service_account": args.service_account,
        "account": dump(made.pop(ACCOUNT)),
        "files": dump(made.pop(FILES)),
        "verification": f"job/{made[VERIFICATION]['metadata']['name']}",
        "uninstall": LOSES_ROWS if args.allow_data_loss else KEEPS_ROWS,
    }
    images = {"postgresImage": args.postgres_image, "vaultImage": args.vault_image}
    files = {
        "values.yaml": "".join(f"{key}: {json.dumps(value)}\n" for key, value in images.items()),
        **{f"files/{name}": content for name, content in contents.items()},
        **{f"templates/{name}.yaml": _template(manifest) for name, manifest in made.items()},
    }
    # Two renderings are two charts: a repository takes a version once.
    about["version"] = f"0.1.0+{digest({**about, **files})}"
    return files | {
        path.relative_to(CHART).as_posix(): render(path, about)
        for path in sorted(CHART.rglob("*.*"))
    }


def _hook(name: str, manifest: Manifest) -> Manifest:
    hook, weight = HOOKS[name]
    annotations = {
        "helm.sh/hook": hook,
        "helm.sh/hook-weight": str(weight),
        "helm.sh/hook-delete-policy": "before-hook-creation",
    }
    return annotated(kept(manifest) if manifest["kind"] == "Job" else manifest, annotations)


def _template(manifest: Manifest) -> str:
    """Let values.yaml name the images; the rest is a matter of the environment's settings."""
    if manifest["kind"] != "Job":
        return _literal(dump(manifest))
    pod = manifest["spec"]["template"]["spec"]
    for container in [*pod["initContainers"], *pod["containers"]]:
        if container["name"] in CONTAINERS:
            container["image"] = VAULT if container["name"] == VAULT_INIT else POSTGRES
    text = _literal(dump(manifest))
    return text.replace(VAULT, _value("vaultImage")).replace(POSTGRES, _value("postgresImage"))


def _literal(text: str) -> str:
    """Keep Helm from reading what a setting or a script holds as a template."""
    return text.replace("{{", '{{ "{{" }}')


def _value(key: str) -> str:
    return f'"{{{{ .Values.{key} }}}}"'
