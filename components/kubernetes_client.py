"""Connects to the Kubernetes API."""

# lightkube's generic signatures are only partially typed.
# pyright: reportUnknownMemberType=false

import yaml
from lightkube import Client, KubeConfig

from .manifests import Cluster


def connect(cluster: Cluster) -> Client:
    """Return a client for the cluster's API."""
    if cluster.kubeconfig:
        config = KubeConfig.from_dict(yaml.safe_load(cluster.kubeconfig))
    else:
        config = KubeConfig.from_env()
    return Client(config=config.get(context_name=cluster.context or None))
