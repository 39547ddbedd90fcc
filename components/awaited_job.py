"""Registers a Job that Pulumi waits for and whose failure explains itself."""

from collections.abc import Sequence
from typing import Any

import pulumi

from .kubernetes_object import KubernetesObject
from .manifests import JobTemplate


def awaited_job(
    name: str,
    manifest: dict[str, Any],
    jobs: JobTemplate,
    *,
    parent: pulumi.Resource,
    depends_on: Sequence[pulumi.Resource],
) -> KubernetesObject:
    """Register the manifest's Job as a child of `parent`; dependants wait until it is complete."""
    hook = pulumi.ErrorHook(f"{name}-explain", lambda args: _explain(args, jobs))
    return KubernetesObject(
        name,
        manifest,
        opts=pulumi.ResourceOptions(
            parent=parent,
            depends_on=depends_on,
            # A Job's spec is immutable, and the provider replaces it for its template only: any
            # other change would fail, be recorded all the same, and block every later `up`.
            replace_on_changes=["spec"],
            delete_before_replace=True,
            custom_timeouts=pulumi.CustomTimeouts(create=f"{jobs.await_seconds}s"),
            hooks=pulumi.ResourceHookBinding(on_error=[hook]),
        ),
    )


def _explain(args: pulumi.ErrorHookArgs, jobs: JobTemplate) -> bool:
    """Log why vault-init failed, since the provider never reads init containers; do not retry."""
    # Only a failure pays for this import.
    from .job_pods import connect, failures

    inputs = args.new_inputs or args.old_inputs or {}
    job = inputs.get("metadata", {}).get("name", "")
    try:
        reasons = failures(connect(jobs.cluster), jobs.namespace, job, main=False)
    except Exception as error:  # the Job's own failure must stay the one that is reported
        reasons = [f"its pods cannot be read: {error}"]
    for reason in reasons:
        pulumi.log.error(f"Job {jobs.namespace}/{job}: {reason}")
    return False
