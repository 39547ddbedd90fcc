"""The rollback Job: made from a manifest, watched to its end, removed when it completed."""

# lightkube's generic signatures are only partially typed.
# pyright: reportUnknownMemberType=false

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from httpx2 import HTTPError
from lightkube import ApiError, Client
from lightkube.codecs import from_dict
from lightkube.resources.batch_v1 import Job
from lightkube.types import CascadeType

from ...clients.cluster import Cluster
from ...clients.faults import insist, passing
from ...clients.kubernetes import connect, connect_http
from ...jobs.pods import NO_POD, failures, node_on_its_way, obstacles, termination_message
from ...jobs.watch import await_change
from ...kubernetes.files import unpacked
from ...kubernetes.manifests import config_map
from ...ownership.annotations import OWNER
from ...ownership.servers import POSTGRESQL
from ..marks import BEGUN, UNDONE, mark, marks
from .manifest import BACKUP

# Pods that hang change nothing of their Job, so somebody has to look at them.
LOOK_SECONDS = 2


def is_undone(props: Mapping[str, Any]) -> bool:
    """Tell whether a rollback has undone this very run of the migration."""
    uid = props["migration_uid"]
    return bool(uid) and (_marks(props) or {}).get(UNDONE) == uid


def may_have_begun(props: Mapping[str, Any]) -> bool:
    """Tell whether this stack's migration may have made tables; without an account nobody knows."""
    found = _marks(props)
    return found is None or BEGUN in found


def another_owner(props: Mapping[str, Any]) -> str | None:
    """Return the id of the other stack to which the Jobs' ServiceAccount belongs by now."""
    found = _marks(props)
    owner = None if found is None else found.get(OWNER, "none")
    return owner if owner != props["owner"] else None


def _marks(props: Mapping[str, Any]) -> dict[str, str] | None:
    return insist(lambda: marks(_connect(props), props["namespace"], props["service_account"]))


def _connect(props: Mapping[str, Any]) -> Client:
    return connect(_cluster(props))


def _cluster(props: Mapping[str, Any]) -> Cluster:
    return Cluster(kubeconfig=props["kubeconfig"], context=props["kube_context"])


def _has_ended(job: Any) -> bool:
    conditions: list[Any] = (job.status and job.status.conditions) or []
    return any(c.type in ("Complete", "Failed") and c.status == "True" for c in conditions)


def _migration_job(props: Mapping[str, Any]) -> str:
    name, _, number = props["job_name"].rpartition("-rollback-")
    return f"{name}-migration-{number}"


class RollbackJob:
    """One run of the down migration, from the inputs of a SchemaRollback."""

    backup: str | None = None
    """What the dump before it said, once the Job has completed."""
    made = False
    """Whether there was a Job, which may run whatever fails here after that."""

    def __init__(self, props: Mapping[str, Any]) -> None:
        self._props = props
        self._name: str = props["job_name"]
        self._namespace: str = props["namespace"]
        self._client = _connect(props)
        self._deadline = time.monotonic() + float(props["seconds"])
        # A state of before there was such an input waits for the Job's own deadline.
        self._start_seconds = float(props.get("start_seconds", props["seconds"]))
        self._stuck_since: float | None = None

    def __str__(self) -> str:
        """Return how a message names it."""
        return f"Job {self._namespace}/{self._name}"

    def start(self) -> None:
        """Make the Job and its ConfigMap, after what an earlier attempt may have left."""
        self._remove_leftover()
        job = self._make(from_dict(self._manifest()))
        self.made = True
        scripts = config_map(self._namespace, self._name, unpacked(self._props["files"]))
        # Owned by the Job, the ConfigMap goes with it; the pod waits for it, should it be first.
        scripts["metadata"]["ownerReferences"] = [
            {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "name": self._name,
                "uid": job.metadata.uid,
                "blockOwnerDeletion": True,
            }
        ]
        self._make(from_dict(scripts))

    def _make(self, wanted: Any) -> Any:
        """Create the object; one that is there after a fault was made by the faulty request."""
        faults: list[HTTPError] = []

        def request() -> Any:
            try:
                return self._client.create(wanted)
            except HTTPError as error:
                known = isinstance(error, ApiError) and error.status.code == HTTPStatus.CONFLICT
                if not (known and faults):
                    faults.append(error)
                    raise
            name = wanted.metadata.name
            return self._client.get(wanted.__class__, name, namespace=self._namespace)

        return insist(request)

    def _manifest(self) -> dict[str, Any]:
        """Return the Job with what only the state knows: whose it is, and which server is meant."""
        manifest = json.loads(self._props["manifest"])
        if owner := self._props.get("owner"):
            manifest["metadata"]["annotations"][OWNER] = owner
        if server := self._props.get("identities", {}).get(POSTGRESQL):
            (main,) = manifest["spec"]["template"]["spec"]["containers"]
            main["env"].append({"name": "SERVER_ID", "value": server})
        return manifest

    def wait(self) -> str | None:
        """Wait for the end; return why the Job failed, or None when it completed.

        Raises:
            TimeoutError: the Job did not end in time.
            ApiError: the API server refused to tell.

        """
        seen: list[str] = []
        while True:
            job = self._read()
            conditions: list[Any] = (job and job.status and job.status.conditions) or []
            ended = {c.type: c.message for c in conditions if c.status == "True"}
            if "Complete" in ended:
                # It did its work; what stays of it goes by its time to live.
                for last in (self._keep_message_of_backup, self._record, self._delete):
                    with suppress(HTTPError):
                        insist(last)
                return None
            # A Job that ran out of time takes its pods along, and with them the reason.
            seen = self._reasons() or seen
            if "Failed" in ended:
                return "; ".join(seen) or f"{self}: {ended['Failed']}"
            if job and not conditions and (obstacle := self._obstacle(job)):
                # It must not start later, when nobody watches it any more.
                with passing():
                    self._delete()
                    return obstacle
            self._wait("its end", job)

    def _read(self) -> Any:
        """Return the Job, or None while the API server is away: that is no verdict."""
        with passing():
            return self._get()
        return None

    def _get(self) -> Any:
        return self._client.get(Job, self._name, namespace=self._namespace)

    def _reasons(self) -> list[str]:
        with passing():
            return failures(self._client, self._namespace, self._name)
        return []

    def _record(self) -> None:
        """Leave word that the migration is undone: an `up` must not take it for done."""
        if uid := self._props.get("migration_uid"):
            mark(self._client, self._namespace, self._props["service_account"], UNDONE, uid)
        job = _migration_job(self._props)
        if self._is_own(self._client.get(Job, job, namespace=self._namespace)):
            self._client.delete(Job, job, namespace=self._namespace)

    def _keep_message_of_backup(self) -> None:
        self.backup = termination_message(self._client, self._namespace, self._name, BACKUP)

    def _obstacle(self, job: Any) -> str | None:
        """Return why no pod starts: at once where none is made, else after startSeconds."""
        with passing():
            reasons = obstacles(self._client, job)
            if not reasons:
                self._stuck_since = None
                return None
            if reasons[0].startswith(NO_POD):
                return f"{self}: {'; '.join(reasons)}"
            if self._stuck_since is None:
                self._stuck_since = time.monotonic()
            stuck_for = time.monotonic() - self._stuck_since
            if stuck_for >= self._start_seconds and not node_on_its_way(self._client, job):
                limit = f"no pod started within startSeconds, {self._start_seconds:.0f} s"
                return f"{self}: {'; '.join([*reasons, limit])}"
        return None

    def _delete(self) -> None:
        self._client.delete(
            Job, self._name, namespace=self._namespace, cascade=CascadeType.FOREGROUND
        )

    def _remove_leftover(self) -> None:
        try:
            leftover = insist(self._get)
            if not self._is_own(leftover) and not _has_ended(leftover):
                msg = f"expected {self} to be this stack's, found another stack's at work"
                raise RuntimeError(msg)
            insist(self._delete)
            while True:
                self._wait("the end of an earlier attempt", insist(self._get))
        except ApiError as error:
            if error.status.code != HTTPStatus.NOT_FOUND:
                raise

    def _is_own(self, job: Any) -> bool:
        return (job.metadata.annotations or {}).get(OWNER) in (None, self._props.get("owner"))

    def _wait(self, what: str, job: Any) -> None:
        """Return at the Job's next change, or when its pods are to be looked at again."""
        if time.monotonic() > self._deadline:
            msg = f"expected {what} of {self} within {self._props['seconds']:.0f} s"
            raise TimeoutError(msg)
        with suppress(HTTPError):
            if job and await_change(connect_http(_cluster(self._props)), job, LOOK_SECONDS):
                return
        time.sleep(LOOK_SECONDS)
