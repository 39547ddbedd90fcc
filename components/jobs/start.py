"""Ends a Job whose pods cannot start: Pulumi's wait for it would last until the Job's deadline."""

# lightkube's generic signatures are only partially typed.
# pyright: reportUnknownMemberType=false

import threading
import time
from contextlib import suppress
from typing import Any

from httpx2 import TransportError
from lightkube import ApiError, Client
from lightkube.resources.batch_v1 import Job

from ..clients.kubernetes import connect
from .pods import node_on_its_way, obstacles
from .template import JobTemplate

POLL_SECONDS = 1
# The first two come before the pods are deleted, and with them what they say.
ENDING = {"FailureTarget", "SuccessCriteriaMet", "Failed", "Complete"}


class JobStart(threading.Thread):
    """Watches one Job to its end, and ends it when none of its pods starts for too long.

    What it saw last stays in `reasons`, since the Job's end deletes pods that did not start.
    """

    def __init__(self, job: str, jobs: JobTemplate) -> None:
        super().__init__(daemon=True)
        self._job, self._jobs = job, jobs
        self._stuck_since: float | None = None
        self.reasons: list[str] = []
        self.ended = False

    def run(self) -> None:
        """Look once a second; a cluster that does not answer is no reason to end anything."""
        # Whatever else goes wrong here, Pulumi's own wait for the Job goes on and reports.
        with suppress(Exception):
            client = connect(self._jobs.cluster)
            over = False
            while not over:
                time.sleep(POLL_SECONDS)
                with suppress(ApiError, TransportError):
                    over = self._look(client)

    def _look(self, client: Client) -> bool:
        """Return whether there is nothing more to see."""
        namespace = self._jobs.namespace
        job: Any = client.get(Job, self._job, namespace=namespace)
        conditions: list[Any] = job.status.conditions or []
        if ENDING & {condition.type for condition in conditions if condition.status == "True"}:
            return True
        self.reasons = obstacles(client, job)
        if not self.reasons:
            self._stuck_since = None
            return False
        self._stuck_since = self._stuck_since or time.monotonic()
        if time.monotonic() - self._stuck_since < self._jobs.start_seconds:
            return False
        if node_on_its_way(client, job):
            return False
        # A deadline that has passed fails a Job as no other change of it does.
        patch = {"spec": {"activeDeadlineSeconds": 1}}
        client.patch(Job, self._job, patch, namespace=namespace)
        self.ended = True
        return True
