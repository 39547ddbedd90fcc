"""Runs the down migration as a Job when `pulumi destroy` begins.

The provider classes are stored by reference and the code on disk runs with the inputs in the state:
this module's and the classes' names are a contract, and so are the inputs' names.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider, UpdateResult

from .refusal import refuse, say
from .rollback_manifest import RollbackArgs, rollback_job

# What this process rolled back already: one `pulumi destroy` is one process of this provider.
_done: set[str] = set()


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
        if reason := _roll_back(props):
            refuse(f"nothing was destroyed: {reason}")
        _done.add(_id)


class UnfinishedRollbackProvider(SchemaRollbackProvider):
    """Rolls back where no SchemaRollback did, since an `up` failed before it came to that one."""

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        """Run the rollback Job; where tables may stay behind, its failure stops nothing.

        Raises:
            Refused: in one sentence, when rows could go with a database that goes next.

        """
        if _id in _done or not (reason := _roll_back(props)):
            return
        if props["must_succeed"]:
            refuse(f"the database and the access to it were not destroyed: {reason}")
        say(f"the checkpoint tables stay, if there are any, since they could not go: {reason}")


class SchemaRollback(Resource, name="SchemaRollback"):
    """Comes last on `up`, so that it goes first on `destroy` and can stop it.

    Job and files travel in its own inputs: of the stack it needs only the ServiceAccount, the
    Vault role and the secret, and no failed `up` can lose it.
    """

    def __init__(
        self,
        name: str,
        args: RollbackArgs,
        files: Mapping[str, str],
        *,
        needs: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        depends = pulumi.ResourceOptions(depends_on=[*needs])
        super().__init__(
            SchemaRollbackProvider(),
            name,
            _inputs(args, files),
            pulumi.ResourceOptions.merge(opts, depends),
        )


class UnfinishedRollback(Resource, name="UnfinishedRollback"):
    """Comes just before the migration and goes just after it, see docs/decisions/0009."""

    def __init__(
        self,
        name: str,
        args: RollbackArgs,
        files: Mapping[str, str],
        *,
        needs: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        depends = pulumi.ResourceOptions(depends_on=[*needs])
        super().__init__(
            UnfinishedRollbackProvider(),
            name,
            {
                **_inputs(args, files),
                "must_succeed": args.owns_database and not args.allow_data_loss,
            },
            pulumi.ResourceOptions.merge(opts, depends),
        )


def _inputs(args: RollbackArgs, files: Mapping[str, str]) -> dict[str, Any]:
    jobs, manifest = args.jobs, rollback_job(args, files)
    return {
        "kubeconfig": pulumi.Output.secret(jobs.cluster.kubeconfig),
        "kube_context": jobs.cluster.context,
        "namespace": jobs.namespace,
        "job_name": manifest["metadata"]["name"],
        # Text, since a dynamic provider gets every number back as a float.
        "manifest": json.dumps(manifest, sort_keys=True),
        "files": dict(files),
        "seconds": jobs.await_seconds,
    }


def _roll_back(props: Mapping[str, Any]) -> str | None:
    """Run the Job to its end; return why it did not complete and what to do, or None."""
    # Imported here, since most runs only compare and never destroy.
    from .rollback_job import RollbackJob

    try:
        job = RollbackJob(props)
        job.start()
    except Exception as error:  # whatever it is, the user gets one sentence
        return f"the rollback could not start: {_named(error)}; {AGAIN}"
    try:
        reason = job.wait()
    except Exception as error:
        return f"{job} was started and may still drop the tables: {_named(error)}; look at it"
    if job.backup:
        say(job.backup)
    if reason and "pulumi destroy" not in reason:
        return f"{reason}; {AGAIN}"
    return reason


AGAIN = "mend it (pulumi up --refresh makes anew what is missing), then run pulumi destroy again"


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
