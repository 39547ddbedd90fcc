"""Registers a Job that Pulumi waits for and whose failure explains itself."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pulumi

from ..kubernetes.object import KubernetesObject
from ..ownership.check import OwnershipCheck
from .template import JobTemplate

if TYPE_CHECKING:
    from .start import JobStart


def awaited_job(
    name: str,
    manifest: dict[str, Any],
    jobs: JobTemplate,
    *,
    check: OwnershipCheck,
    parent: pulumi.Resource,
    depends_on: Sequence[pulumi.Resource],
    before_create: Sequence[pulumi.ResourceHook] = (),
) -> KubernetesObject:
    """Register the manifest's Job as a child of `parent`; dependants wait until it is complete."""
    watch = Watch(manifest["metadata"]["name"], jobs)
    return KubernetesObject(
        name,
        manifest,
        check,
        pulumi.ResourceOptions(
            parent=parent,
            depends_on=depends_on,
            # A Job's spec is immutable, and the provider replaces it for its template only: any
            # other change would fail, be recorded all the same, and block every later `up`.
            replace_on_changes=["spec"],
            delete_before_replace=True,
            custom_timeouts=pulumi.CustomTimeouts(create=f"{jobs.await_seconds}s"),
        ),
        before_create=[*before_create, pulumi.ResourceHook(f"{name}-watch", watch.begin)],
        on_error=[pulumi.ErrorHook(f"{name}-explain", watch.explain)],
    )


class Watch:
    """What happens beside Pulumi's own wait for one Job; most runs need none of its imports."""

    def __init__(self, job: str, jobs: JobTemplate) -> None:
        self._job, self._jobs = job, jobs
        self._start: JobStart | None = None

    def begin(self, _args: pulumi.ResourceHookArgs) -> None:
        """Watch the Job from its creation on, see docs/decisions/0008."""
        from .start import JobStart

        self._start = JobStart(self._job, self._jobs)
        self._start.start()

    def explain(self, args: pulumi.ErrorHookArgs) -> bool:
        """Log what the provider does not know of the failure; do not retry."""
        for reason in self._reasons("\n".join(args.errors)):
            pulumi.log.error(f"Job {self._jobs.namespace}/{self._job}: {reason}")
        return False

    def _reasons(self, told: str) -> list[str]:
        """Return one sentence a cause, none of them with what the provider told."""
        from ..clients.kubernetes import connect
        from .pods import failures

        jobs, seen = self._jobs, self._start.reasons if self._start else []
        if self._start and self._start.ended:
            limit = f"no pod started within startSeconds, {jobs.start_seconds} s"
            new = [reason for reason in seen if reason.partition(": ")[2] not in told]
            return [f"{reason}; {limit}" for reason in new] or [limit]
        try:
            found = failures(connect(jobs.cluster), jobs.namespace, self._job, main=False)
        except Exception as error:  # the Job's own failure must stay the one that is reported
            return [f"its pods cannot be read: {error}"]
        if "DeadlineExceeded" in told and not (found or seen):
            return [f"still at work after timeoutSeconds, {jobs.timeout_seconds} s; raise it"]
        return found or seen
