"""The NetworkPolicy that leaves the Jobs' pods DNS, Vault and PostgreSQL."""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

import pulumi

from ..inputs.storage import CheckpointStorageArgs
from ..kubernetes.manifests import PART_OF
from ..kubernetes.object import KubernetesObject
from ..ownership.annotations import owned_by
from ..ownership.check import OwnershipCheck
from .template import KINDS

DNS_PORT = 53


def jobs_network(
    name: str,
    args: CheckpointStorageArgs,
    *,
    check: OwnershipCheck,
    parent: pulumi.Resource,
    needs: Sequence[pulumi.Resource],
) -> list[pulumi.Resource]:
    """Make the policy, where the environment is to have one."""
    if not args.manage_network_policy:
        return []
    opts = pulumi.ResourceOptions(parent=parent, depends_on=needs)
    return [KubernetesObject(f"{name}-network", network_policy(args), check, opts)]


def network_policy(args: CheckpointStorageArgs) -> dict[str, Any]:
    """Return a policy that denies all else: nothing may come in, and this little may go out."""
    vault = urlsplit(args.vault_address_in_cluster)
    vault_port = vault.port or (443 if vault.scheme == "https" else 80)
    # Of somebody else's secret only the port is known here.
    database_host = args.database_host if args.manage_secret else ""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": f"{args.name}-jobs",
            "namespace": args.namespace,
            "annotations": owned_by(args.environment),
        },
        "spec": {
            "podSelector": {
                "matchLabels": {"app.kubernetes.io/part-of": PART_OF},
                "matchExpressions": [pods_of(args.name, KINDS)],
            },
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [],
            "egress": [
                {"ports": [_port("UDP", DNS_PORT), _port("TCP", DNS_PORT)]},
                _server(vault.hostname or "", vault_port),
                _server(database_host, args.database_port),
            ],
        },
    }


def pods_of(name: str, kinds: Iterable[str]) -> dict[str, Any]:
    """Return what selects the pods of these kinds of Jobs."""
    values = [f"{name}-{kind}" for kind in kinds]
    return {"key": "app.kubernetes.io/name", "operator": "In", "values": values}


def _server(host: str, port: int) -> dict[str, Any]:
    """Return a rule for one address; a policy knows no names, so that of a name is its port."""
    rule: dict[str, Any] = {"ports": [_port("TCP", port)]}
    try:
        address = ipaddress.ip_network(host)
    except ValueError:
        return rule
    return {"to": [{"ipBlock": {"cidr": str(address)}}], **rule}


def _port(protocol: str, port: int) -> dict[str, Any]:
    return {"protocol": protocol, "port": port}
