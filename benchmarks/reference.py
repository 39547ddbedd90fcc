"""The same deployment by kubectl, bao and psql, rendered from what `pulumi up` really made."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.commands import Run, run
from benchmarks.rounds import progress

NAME = "kubectl, bao, psql"
PEERS = Path(__file__).with_name("peers")
JOB_LINE = "job.batch/"

ROLE_OPTIONS = {
    "audience",
    "boundServiceAccountNames",
    "boundServiceAccountNamespaces",
    "tokenExplicitMaxTtl",
    "tokenNoDefaultPolicy",
    "tokenNumUses",
    "tokenPolicies",
    "tokenTtl",
}


@dataclass(frozen=True)
class Reference:
    """What deploy.sh deploys: a folder of manifests and Vault documents, and some names."""

    folder: Path
    environ: Mapping[str, str]

    def up_from_nothing(self) -> Run:
        """Measure deploy.sh and undo it, which is not measured."""
        measured = self._script("deploy.sh", sample_memory=True)
        self._script("clean.sh")
        return measured

    def _script(self, name: str, *, sample_memory: bool = False) -> Run:
        return run(
            *("sh", PEERS / name),
            environ=self.environ,
            folder=self.folder,
            mark=JOB_LINE,
            sample_memory=sample_memory,
        )


def render(state: str, folder: Path, environ: Mapping[str, str]) -> Reference:
    """Render the resources of an exported state; nothing can differ from what Pulumi deploys."""
    progress("rendering the reference deployment")
    resources = _Resources(json.loads(state)["deployment"]["resources"])
    migration, verification = resources.of("kubernetes:batch/v1:Job")
    cluster = [item for item in resources.of("kubernetes:") if item["kind"] != "Job"]
    for name, items in (
        ("cluster", cluster),
        ("migration", [migration]),
        ("verification", [verification]),
    ):
        _write(folder / f"{name}.json", {"apiVersion": "v1", "kind": "List", "items": items})
    for policy in resources.of("vault:index/policy:"):
        _write(folder / "policies" / f"{policy['name']}.hcl", policy["policy"])
    for role in resources.of("vault:kubernetes/authBackendRole:"):
        options = {_snake(key): role[key] for key in ROLE_OPTIONS}
        _write(folder / "roles" / f"{role['roleName']}.json", options)
    for secret in resources.of("vault:kv/secretV2:"):
        _write(folder / "secrets" / f"{secret['name']}.json", secret["dataJson"])
    return Reference(folder, {**environ, **_names(resources, migration, verification)})


class _Resources:
    """The inputs of a state's resources, in the order of their creation."""

    def __init__(self, resources: list[dict[str, Any]]) -> None:
        self._resources = resources

    def of(self, kind: str) -> list[dict[str, Any]]:
        return list(self._inputs(kind))

    def _inputs(self, kind: str) -> Iterator[dict[str, Any]]:
        for resource in self._resources:
            if resource["type"].startswith(kind):
                yield {key: _plain(value) for key, value in resource["inputs"].items()}


def _names(
    resources: _Resources, migration: dict[str, Any], verification: dict[str, Any]
) -> dict[str, str]:
    (backend,) = resources.of("vault:kubernetes/authBackendConfig:")
    (kv,) = resources.of("vault:index/mount:")
    (database,) = resources.of("postgresql:index/database:")
    (reviewer,) = resources.of("kubernetes:core/v1:Secret")
    roles = {role["name"]: role for role in resources.of("postgresql:index/role:")}
    owner = roles.pop(database["owner"])
    migrator = next(role for role in roles.values() if owner["name"] in role["roles"])
    application = next(role for role in roles.values() if role is not migrator)
    return {
        "NAMESPACE": migration["metadata"]["namespace"],
        "MIGRATION": migration["metadata"]["name"],
        "VERIFICATION": verification["metadata"]["name"],
        "REVIEWER": reviewer["metadata"]["name"],
        "AUTH_MOUNT": backend["backend"],
        "KUBERNETES_HOST": backend["kubernetesHost"],
        "KV_MOUNT": kv["path"],
        "DATABASE": database["name"],
        "OWNER": owner["name"],
        "MIGRATOR": migrator["name"],
        "MIGRATOR_PASSWORD": migrator["password"],
        "APPLICATION": application["name"],
        "APPLICATION_PASSWORD": application["password"],
        "SCHEMA": migrator["searchPaths"][0],
    }


def _plain(value: Any) -> Any:
    """Return an input as it is, or the plain value of one that the state marks as a secret."""
    if isinstance(value, dict) and "plaintext" in value:
        return json.loads(value["plaintext"])
    return value


def _snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda match: f"_{match[0].lower()}", name)


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
