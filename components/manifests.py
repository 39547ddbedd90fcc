"""Kubernetes manifests beside the Jobs, as plain data; nothing here knows Pulumi."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PART_OF = "langgraph-checkpoint"
# Annotation that tells one environment's objects from another's.
ENVIRONMENT = "langgraph-checkpoint/environment"
# Annotation that tells one stack's objects from those of another stack of the same name.
OWNER = "langgraph-checkpoint/owner"


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """How to reach the Kubernetes API: a kubeconfig's text and a context, or empty for ambient."""

    kubeconfig: str
    context: str


def restricted_namespace(name: str, environment: str) -> dict[str, Any]:
    """Return the manifest of a namespace that admits pods of the strictest standard only."""
    modes = ("enforce", "warn", "audit")
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in modes}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": name,
            "labels": labels,
            "annotations": owned_by(environment),
        },
    }


def owned_by(environment: str) -> dict[str, str]:
    """Return the annotations that tell people whose object it is."""
    return {ENVIRONMENT: environment}


def service_account(namespace: str, environment: str, name: str) -> dict[str, Any]:
    """Return the manifest of a ServiceAccount."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "annotations": owned_by(environment),
        },
        "automountServiceAccountToken": False,
    }


def config_map(namespace: str, name: str, files: Mapping[str, str]) -> dict[str, Any]:
    """Return the manifest of an immutable ConfigMap."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "immutable": True,
        "data": dict(files),
    }
