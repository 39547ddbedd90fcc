"""Names a Kubernetes cluster, without anything that talks to it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """How to reach the Kubernetes API: a kubeconfig's text and a context, or empty for ambient."""

    kubeconfig: str
    context: str
