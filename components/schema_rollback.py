"""Runs the down migration as a Job when `pulumi destroy` begins.

The provider class is stored by reference and the code on disk runs with the inputs in the state:
this module's and the class's name are a contract, and so are the inputs' names.
"""

# lightkube's generic signatures are only partially typed.
# pyright: reportUnknownMemberType=false

import json
import sys
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NoReturn

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider, UpdateResult

from .manifests import FILES_DIR, Cluster, JobTemplate, config_map
from .migration_files import newest

if TYPE_CHECKING:
    from lightkube import Client


class RollbackRefused(Exception):
    """The tables stay, and with them everything else."""

    # The engine prints the qualified name; as a builtin it has no path before it.
    __module__ = "builtins"


class SchemaRollbackProvider(ResourceProvider):
    """Makes the rollback Job from the manifest in its inputs as it is deleted itself."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Keep the manifest; nothing runs."""
        return CreateResult(f"{props['namespace']}/{props['job_name']}", props)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Ask for an update in place: a replacement would call delete() and drop the tables."""
        changed = any(olds.get(key) != value for key, value in news.items() if key[0] != "_")
        return DiffResult(changes=changed, replaces=[])

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Keep the new manifest; nothing runs."""
        return UpdateResult(news)

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        """Run the rollback Job to its end.

        Raises:
            RollbackRefused: in one sentence, when the Job could not start or did not complete.

        """
        from .job_pods import connect, failures

        cluster = Cluster(kubeconfig=props["kubeconfig"], context=props["kube_context"])
        namespace, job = props["namespace"], props["job_name"]
        try:
            client = connect(cluster)
            completed = _run(client, namespace, job, props)
            reasons = [] if completed else failures(client, namespace, job)
        except Exception as error:  # whatever it is, the user gets one sentence
            _refuse(f"the rollback could not run: {type(error).__name__}: {error}")
        if not completed:
            _refuse("; ".join(reasons) or f"Job {namespace}/{job} failed without a pod")


class SchemaRollback(Resource, name="SchemaRollback"):
    """Comes last on `up`, so that it goes first on `destroy` and can stop it.

    Job and files travel in its own inputs: of the stack it needs only the ServiceAccount, the
    Vault role and the secret, and no failed `up` can lose it.
    """

    def __init__(
        self,
        name: str,
        jobs: JobTemplate,
        files: Mapping[str, str],
        *,
        allow_data_loss: bool,
        needs: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        manifest = jobs.job(
            "rollback",
            newest(files),
            "rollback",
            [f"{FILES_DIR}/migrate.sh", "down"],
            config_map=f"{jobs.name}-rollback-{newest(files)}",
            environment={"ALLOW_DATA_LOSS": json.dumps(allow_data_loss)},
            backoff_limit=0,
        )
        inputs = {
            "kubeconfig": pulumi.Output.secret(jobs.cluster.kubeconfig),
            "kube_context": jobs.cluster.context,
            "namespace": jobs.namespace,
            "job_name": manifest["metadata"]["name"],
            # Text, since a dynamic provider gets every number back as a float.
            "manifest": json.dumps(manifest, sort_keys=True),
            "files": dict(files),
        }
        depends = pulumi.ResourceOptions(depends_on=[*needs])
        super().__init__(
            SchemaRollbackProvider(), name, inputs, pulumi.ResourceOptions.merge(opts, depends)
        )


def _run(client: "Client", namespace: str, name: str, props: dict[str, Any]) -> bool:
    """Make the Job and its ConfigMap and wait; True when it completed, which removes both."""
    from lightkube.codecs import from_dict
    from lightkube.core.exceptions import ConditionError
    from lightkube.resources.batch_v1 import Job
    from lightkube.types import CascadeType

    _remove_leftover(client, namespace, name)
    job: Any = client.create(from_dict(json.loads(props["manifest"])))
    scripts = config_map(namespace, name, props["files"])
    # Owned by the Job, the ConfigMap goes with it; the pod waits for it, should it start earlier.
    scripts["metadata"]["ownerReferences"] = [
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "name": name,
            "uid": job.metadata.uid,
            "blockOwnerDeletion": True,
        }
    ]
    client.create(from_dict(scripts))
    try:
        # Its own deadline ends the Job, so this wait needs none.
        client.wait(
            Job,
            name,
            namespace=namespace,
            for_conditions=["Complete"],
            raise_for_conditions=["Failed"],
        )
    except ConditionError:
        return False
    client.delete(Job, name, namespace=namespace, cascade=CascadeType.FOREGROUND)
    return True


def _remove_leftover(client: "Client", namespace: str, name: str) -> None:
    """Delete the Job of an earlier attempt with all it owns, and wait until it is gone."""
    from lightkube import ApiError
    from lightkube.resources.batch_v1 import Job
    from lightkube.types import CascadeType

    try:
        leftover: Any = client.get(Job, name, namespace=namespace)
        client.delete(Job, name, namespace=namespace, cascade=CascadeType.FOREGROUND)
    except ApiError as error:
        if error.status.code == HTTPStatus.NOT_FOUND:
            return
        raise
    changes = client.watch(
        Job,
        namespace=namespace,
        fields={"metadata.name": name},
        resource_version=leftover.metadata.resourceVersion,
    )
    for operation, _ in changes:
        if operation == "DELETED":
            return


def _refuse(reason: str) -> NoReturn:
    # The engine prints the whole traceback otherwise, and the sentence drowns in it.
    sys.tracebacklimit = 0
    msg = f"nothing was destroyed: {reason}"
    raise RollbackRefused(msg) from None
