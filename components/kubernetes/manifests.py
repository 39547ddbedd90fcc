"""Kubernetes manifests beside the Jobs, as plain data; nothing here knows Pulumi."""

from collections.abc import Mapping
from typing import Any

from ..ownership.annotations import owned_by

PART_OF = "langgraph-checkpoint"


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
