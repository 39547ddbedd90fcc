"""What the program makes in the namespace, as manifests that no deployer has put its mark on."""

from collections.abc import Mapping
from typing import Any

import yaml

from components.inputs.storage import CheckpointStorageArgs
from components.jobs.network_policy import network_policy
from components.jobs.pod import FILES_DIR
from components.jobs.setup import job_template
from components.kubernetes.manifests import config_map, service_account
from components.schema.files import job_files, newest
from components.schema.migration import dump_setting, migration_job
from components.schema.rollback.manifest import rollback_args, rollback_manifest

Manifest = dict[str, Any]

ACCOUNT, NETWORK, FILES = "service-account", "network-policy", "files"
MIGRATION, VERIFICATION, ROLLBACK = "migration", "verification", "rollback"
MANAGED_BY = "app.kubernetes.io/managed-by"


def manifests(args: CheckpointStorageArgs, manager: str) -> dict[str, Manifest]:
    """Return the manifests by what they are for, in the order in which they are to be applied.

    Other than under Pulumi the ConfigMap has one name whatever it holds: there is no state that
    knows of the old ones, so nothing would ever remove them.
    """
    files = job_files(args)
    jobs = job_template(args, files)
    number, config = newest(files), f"{jobs.name}-migration"
    verify = f"{FILES_DIR}/verify.sh"
    made = {
        ACCOUNT: service_account(args.namespace, args.environment, args.service_account),
        FILES: config_map(args.namespace, config, files),
        MIGRATION: migration_job(jobs, number, config, dump_setting(args)),
        VERIFICATION: jobs.job(VERIFICATION, number, "verify", [verify], config_map=config),
        ROLLBACK: rollback_manifest(rollback_args(args, jobs), number, config),
    }
    if args.manage_network_policy:
        made = {NETWORK: network_policy(args), **made}
    return {name: _handed_over(manifest, manager) for name, manifest in made.items()}


def annotated(manifest: Manifest, annotations: Mapping[str, str]) -> Manifest:
    """Return the manifest with more annotations."""
    metadata = manifest["metadata"]
    merged = {**metadata.get("annotations", {}), **annotations}
    return {**manifest, "metadata": {**metadata, "annotations": merged}}


def kept(job: Manifest) -> Manifest:
    """Return the Job without its time to live.

    A deployer that waits for a Job which is gone already waits for ever (argo-cd#21055); both
    remove the last one themselves before they make the next.
    """
    spec = {key: value for key, value in job["spec"].items() if key != "ttlSecondsAfterFinished"}
    return {**job, "spec": spec}


def dump(manifest: Manifest) -> str:
    """Return the manifest as YAML; scripts stay readable."""
    return yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True)


def _handed_over(manifest: Manifest, manager: str) -> Manifest:
    """Drop the annotation that only Pulumi reads and name who manages the object."""
    annotations = manifest["metadata"].pop("annotations", {})
    annotations.pop("pulumi.com/replaceUnready", None)
    manifest["metadata"] |= {"annotations": annotations} if annotations else {}
    pod = manifest["spec"]["template"] if manifest["kind"] == "Job" else manifest
    for metadata in (manifest["metadata"], pod["metadata"]):
        if MANAGED_BY in metadata.get("labels", {}):
            metadata["labels"] = {**metadata["labels"], MANAGED_BY: manager}
    return manifest


class _Dumper(yaml.SafeDumper):
    """Writes text of several lines as a block."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(_: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return yaml.ScalarNode("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
