"""What all Jobs share, and the manifests of a Job and a CronJob made from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..clients.cluster import Cluster
from ..kubernetes.manifests import PART_OF
from ..ownership.annotations import ENVIRONMENT, owned_by
from .patch import patched
from .pod import pod, vault_init, worker

KINDS = ("migration", "verification", "rollback", "backup", "restore-drill", "retention")
# How late a CronJob's run may start; the controller counts missed starts no further back.
STARTING_DEADLINE_SECONDS = 3600
# Adds to the spec of a pod what one kind of Job alone has.
Extend = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, kw_only=True)
class JobTemplate:
    """What all Jobs of an environment share; durations in seconds."""

    cluster: Cluster
    environment: str
    namespace: str
    name: str
    service_account: str
    vault_image: str
    postgres_image: str
    vault_environment: Mapping[str, str]
    database_environment: Mapping[str, str]
    audience: str
    files_sha256: str
    backoff_limit: int
    ttl_seconds: int
    start_seconds: int
    timeout_seconds: int
    patch: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def vault_seconds(self) -> int:
        """How long vault-init may retry; a sixth leaves the rest to the database's trouble."""
        return max(10, self.timeout_seconds // 6)

    @property
    def database_seconds(self) -> int:
        """How long the main container may retry, to end by itself before the Job is killed."""
        return self.timeout_seconds - self.vault_seconds - 10

    @property
    def await_seconds(self) -> int:
        """How long Pulumi waits: past the Job's own deadline, so that the Job's verdict is seen."""
        return self.timeout_seconds + 60

    def job(
        self,
        kind: str,
        number: str,
        container: str,
        command: list[str],
        *,
        config_map: str,
        environment: Mapping[str, str] | None = None,
        annotations: Mapping[str, Any] | None = None,
        backoff_limit: int | None = None,
        extend: Extend | None = None,
    ) -> dict[str, Any]:
        """Return the manifest of the Job NAME-KIND-NUMBER: vault-init, then `command`."""
        spec = self._spec(kind, container, command, config_map, environment or {}, extend)
        spec["template"]["metadata"]["annotations"] |= annotations or {}
        if backoff_limit is not None:
            spec["backoffLimit"] = backoff_limit
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {
                "name": f"{self.name}-{kind}-{number}",
                "namespace": self.namespace,
                "labels": self._labels(kind),
                "annotations": {
                    ENVIRONMENT: self.environment,
                    # Without it the next `up` waits for the failed Job again instead of running it.
                    "pulumi.com/replaceUnready": "true",
                },
            },
            "spec": spec,
        }

    def cron_job(
        self,
        kind: str,
        container: str,
        command: list[str],
        *,
        schedule: str,
        config_map: str,
        environment: Mapping[str, str] | None = None,
        extend: Extend | None = None,
    ) -> dict[str, Any]:
        """Return the manifest of the CronJob NAME-KIND: the same pod, one run at a time."""
        labels = self._labels(kind)
        return {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": {
                "name": f"{self.name}-{kind}",
                "namespace": self.namespace,
                "labels": labels,
                "annotations": owned_by(self.environment),
            },
            "spec": {
                "schedule": schedule,
                "concurrencyPolicy": "Forbid",
                # Without it a hundred missed starts, after a long outage, end the schedule.
                "startingDeadlineSeconds": STARTING_DEADLINE_SECONDS,
                "jobTemplate": {
                    "metadata": {"labels": labels},
                    "spec": self._spec(
                        kind, container, command, config_map, environment or {}, extend
                    ),
                },
            },
        }

    def _labels(self, kind: str) -> dict[str, str]:
        return {
            "app.kubernetes.io/name": f"{self.name}-{kind}",
            "app.kubernetes.io/part-of": PART_OF,
            "app.kubernetes.io/managed-by": "pulumi",
        }

    def _metadata(self, kind: str) -> dict[str, dict[str, str]]:
        # A mesh's sidecar would keep the Job's pod from ever completing.
        return {
            "labels": {**self._labels(kind), "sidecar.istio.io/inject": "false"},
            "annotations": {
                "sidecar.istio.io/inject": "false",
                "linkerd.io/inject": "disabled",
            },
        }

    def _spec(
        self,
        kind: str,
        container: str,
        command: list[str],
        config_map: str,
        environment: Mapping[str, str],
        extend: Extend | None,
    ) -> dict[str, Any]:
        spec = self._pod(container, command, config_map, environment)
        if extend:
            extend(spec)
        return {
            "backoffLimit": self.backoff_limit,
            # A pod that is still ending must not meet its replacement.
            "podReplacementPolicy": "Failed",
            "activeDeadlineSeconds": self.timeout_seconds,
            "ttlSecondsAfterFinished": self.ttl_seconds,
            "template": patched({"metadata": self._metadata(kind), "spec": spec}, self.patch),
        }

    def _pod(
        self,
        container: str,
        command: list[str],
        config_map: str,
        environment: Mapping[str, str],
    ) -> dict[str, Any]:
        seconds, files = str(self.vault_seconds), self.files_sha256
        init = vault_init(
            self.vault_image,
            {**self.vault_environment, "DEADLINE_SECONDS": seconds, "FILES_SHA256": files},
        )
        seconds = str(self.database_seconds)
        main = worker(
            container,
            self.postgres_image,
            command,
            {
                **self.database_environment,
                **environment,
                "DEADLINE_SECONDS": seconds,
                "FILES_SHA256": files,
            },
        )
        return pod(
            init,
            main,
            service_account=self.service_account,
            audience=self.audience,
            config_map=config_map,
        )
