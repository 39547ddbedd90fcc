"""Publishes metrics, alerts and a dashboard for the checkpoint tables."""

# lightkube's generic signatures are only partially typed.
# pyright: reportUnknownVariableType=false

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import pulumi

from ..clients.cluster import Cluster
from ..inputs.storage import CheckpointStorageArgs
from ..kubernetes.object import KubernetesObject
from ..ownership.check import OwnershipCheck
from .files import config_maps, prometheus_rule

CRD = "prometheusrules.monitoring.coreos.com"


class CheckpointMonitoring(pulumi.ComponentResource):
    """Puts the exporters' queries, the rules and the dashboard where monitoring picks them up.

    Nothing of it runs here: sql_exporter or CloudNativePG reads the queries, Prometheus the rules
    and Grafana's sidecar the dashboard. The migration depends on none of them.
    """

    def __init__(
        self,
        name: str,
        args: CheckpointStorageArgs,
        cluster: Cluster,
        *,
        check: OwnershipCheck,
        needs: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("langgraph-checkpoint:index:CheckpointMonitoring", name, None, opts)

        def child(purpose: str, manifest: dict[str, Any], *hooks: pulumi.ResourceHook) -> None:
            opts = pulumi.ResourceOptions(parent=self, depends_on=needs)
            KubernetesObject(f"{name}-{purpose}", manifest, check, opts, before_check=hooks)

        for purpose, manifest in config_maps(args).items():
            child(purpose, manifest)
        if args.monitoring_prometheus_rule:
            # Before the check, which knows the kind once this one has looked for it.
            crd = pulumi.ResourceHook(f"{name}-crd", lambda _: _expect_crd(cluster, args))
            child("rules", prometheus_rule(args), crd)
        self.register_outputs({})


def _expect_crd(cluster: Cluster, args: CheckpointStorageArgs) -> None:
    """Refuse before the provider tries for a minute and answers in several lines.

    Raises:
        RunError: the cluster does not know PrometheusRule.

    """
    from httpx2 import HTTPStatusError, RequestError
    from lightkube import ApiError
    from lightkube.generic_resource import create_namespaced_resource

    from ..clients.kubernetes import connect

    rule = create_namespaced_resource(
        "monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules"
    )
    try:
        connect(cluster).get(rule, f"{args.name}-rules", namespace=args.namespace)
    except (ApiError, RequestError):
        return  # none of that name yet, or trouble that the provider meets too and says
    except HTTPStatusError as error:
        # Only a path that the API server does not serve is answered without a Status.
        if error.response.status_code != HTTPStatus.NOT_FOUND:
            raise
        msg = (
            f"expected the CustomResourceDefinition {CRD} in the cluster, found none: install the "
            "Prometheus operator, or set monitoringPrometheusRule to false"
        )
        raise pulumi.RunError(msg) from None
