"""Runs the down migration as a Job when `pulumi destroy` begins.

The provider class is stored by reference and the code on disk runs with the inputs in the state:
this module's and the class's name are a contract, and so are the inputs' names.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider, UpdateResult

from .manifests import FILES_DIR, JobTemplate
from .migration_files import newest
from .refusal import refuse


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
            Refused: in one sentence, when the Job could not start or did not complete.

        """
        # Imported here, since most runs only compare and never destroy.
        from .rollback_job import RollbackJob

        try:
            job = RollbackJob(props)
            job.start()
        except Exception as error:  # whatever it is, the user gets one sentence
            refuse(f"nothing was destroyed: the rollback could not start: {_named(error)}")
        try:
            reason = job.wait()
        except Exception as error:
            refuse(f"{job} was started and may still drop the tables: {_named(error)}; look at it")
        if reason:
            refuse(f"nothing was destroyed: {reason}")


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
        owns_database: bool,
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
            environment={
                "ALLOW_DATA_LOSS": json.dumps(allow_data_loss),
                "OWNS_DATABASE": json.dumps(owns_database),
            },
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
            "seconds": jobs.await_seconds,
        }
        depends = pulumi.ResourceOptions(depends_on=[*needs])
        super().__init__(
            SchemaRollbackProvider(), name, inputs, pulumi.ResourceOptions.merge(opts, depends)
        )


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
