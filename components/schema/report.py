"""The verification Job's own report as typed outputs.

The provider class is stored by reference: this module's and the class's name are a contract.
"""

import json
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider, UpdateResult

from ..clients.cluster import Cluster
from ..jobs.template import JobTemplate

REPORTED = (
    "ok", "version", "schema", "database", "server", "role", "checks", "warnings", "tables"
)  # fmt: skip


class VerificationReportProvider(ResourceProvider):
    """Reads the report from the termination message of the verification Job's pod."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Read the report of a new verification."""
        return CreateResult(f"{props['namespace']}/{props['job_name']}", _report(props))

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Ask for another read when another Job verified."""
        # Absent while unknown: a preview of a replaced Job.
        return DiffResult(changes=olds["job_uid"] != news.get("job_uid"))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Read the report of a repeated verification."""
        return UpdateResult(_report(news))


class VerificationReport(Resource, name="VerificationReport"):
    """What the verification Job found; it exists only where every check passed."""

    ok: pulumi.Output[bool]
    """Whether every check passed."""
    version: pulumi.Output[int]
    """Newest version in checkpoint_migrations."""
    schema: pulumi.Output[str]
    """Schema of the tables."""
    database: pulumi.Output[str]
    """Database of the tables."""
    server: pulumi.Output[str]
    """Version of PostgreSQL."""
    role: pulumi.Output[str]
    """Role that verified."""
    checks: pulumi.Output[dict[str, bool]]
    """Whether each named check passed."""
    warnings: pulumi.Output[list[str]]
    """Rights that are more than needed, in a database that others own."""
    tables: pulumi.Output[dict[str, dict[str, int]]]
    """Rows and bytes of each table."""

    def __init__(
        self,
        name: str,
        jobs: JobTemplate,
        *,
        job_name: pulumi.Input[str],
        job_uid: pulumi.Input[str | None],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        inputs = {
            "kubeconfig": pulumi.Output.secret(jobs.cluster.kubeconfig),
            "kube_context": jobs.cluster.context,
            "namespace": jobs.namespace,
            "job_name": job_name,
            "job_uid": job_uid,
        }
        super().__init__(VerificationReportProvider(), name, inputs | dict.fromkeys(REPORTED), opts)


def _report(props: dict[str, Any]) -> dict[str, Any]:
    # Imported here, since most runs only compare and never read.
    from ..clients.kubernetes import connect
    from ..jobs.pods import termination_message

    namespace, job = props["namespace"], props["job_name"]
    cluster = Cluster(kubeconfig=props["kubeconfig"], context=props["kube_context"])
    message = termination_message(connect(cluster), namespace, job, "verify")
    if not message:
        msg = (
            f"expected the report of Job {namespace}/{job} in its pod's termination message, found "
            "none: the pod is gone; run pulumi up --replace '**-verification-job'"
        )
        raise RuntimeError(msg)
    report = json.loads(message)
    return props | {key: report[key] for key in REPORTED}
