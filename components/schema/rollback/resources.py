"""Runs the down migration as a Job when `pulumi destroy` begins.

The provider classes are stored by reference and the code on disk runs with the inputs in the state:
this module's and the classes' names are a contract, and so are the inputs' names.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider, UpdateResult

from ...kubernetes.files import packed, sums
from ...ownership.refusal import refuse, say
from ...ownership.servers import UnexpectedServer, identities
from ..files import newest, rollback_files
from .manifest import RollbackArgs, rollback_manifest

# What this process rolled back already: one `pulumi destroy` is one process of this provider.
_done: set[str] = set()


class SchemaRollbackProvider(ResourceProvider):
    """Makes the rollback Job from the manifest in its inputs as it is deleted itself."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Keep the manifest; nothing runs.

        Raises:
            Refused: in one sentence, when a destroy that was stopped has rolled back already, and
                no migration ran since.

        """
        from .job import is_undone

        try:
            undone = is_undone(props)
        except Exception as error:  # whatever it is, the user gets one sentence
            refuse(
                f"expected to see the Jobs' ServiceAccount, {_named(error)}; run pulumi up again"
            )
        if undone:
            refuse(UNDONE)
        return _kept(props)

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
            Refused: in one sentence, when it is another server or another stack's, or when the Job
                could not start or did not complete.

        """
        _expect_own(props)
        if reason := _roll_back(props):
            what = UNTOUCHED.replace("nothing", "nothing else") if UNKNOWN in reason else UNTOUCHED
            refuse(f"{what}: {reason}")
        _done.add(_id)


class FallbackRollbackProvider(SchemaRollbackProvider):
    """Rolls back where no SchemaRollback did, since an `up` failed before it came to that one."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Keep the manifest; nothing runs, and the migration is still to come."""
        return _kept(props)

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        """Run the rollback Job; where tables may stay behind, its failure stops nothing.

        Raises:
            Refused: in one sentence, when rows could go with a database that goes next, or others
                are connected to it.

        """
        if _id in _done:
            return
        _expect_own(props)
        # Tables of others in a database of others: what this stack never touched is not its own.
        if not props.get("owns_database") and not _may_have_begun(props):
            return
        if not (reason := _roll_back(props)):
            return
        if props["must_succeed"] or CONNECTED in reason:
            refuse(f"the database and the access to it were not destroyed: {reason}")
        # A state of before there was such an input knows of no database either.
        fate = "go with their database" if props.get("owns_database") else "stay, if there are any"
        say(f"the checkpoint tables {fate}; they were not rolled back: {reason}")


def _kept(props: dict[str, Any]) -> CreateResult:
    return CreateResult(f"{props['namespace']}/{props['job_name']}", props)


class _Rollback(Resource, name="Rollback"):
    """Job and files travel in its own inputs.

    Of the stack it needs only the ServiceAccount, the Vault role and the secret, and no failed `up`
    can lose it.
    """

    provider: ClassVar[type[ResourceProvider]]

    def __init__(
        self,
        name: str,
        args: RollbackArgs,
        files: Mapping[str, str],
        *,
        whose: dict[str, Any],
        needs: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`whose` has `owner`, `servers`, `identities` and, once it is known, `migration_uid`."""
        depends = pulumi.ResourceOptions(depends_on=[*needs])
        opts = pulumi.ResourceOptions.merge(opts, depends)
        super().__init__(self.provider(), name, _inputs(args, files) | whose, opts)


class SchemaRollback(_Rollback, name="SchemaRollback"):
    """Comes last on `up`, so that it goes first on `destroy` and can stop it."""

    provider = SchemaRollbackProvider


class FallbackRollback(_Rollback, name="FallbackRollback"):
    """Comes just before the migration and goes just after it, see docs/decisions/0009."""

    provider = FallbackRollbackProvider


def _inputs(args: RollbackArgs, files: Mapping[str, str]) -> dict[str, Any]:
    files, number = rollback_files(files), newest(files)
    jobs = replace(args.jobs, files_sha256=sums(files))
    name = f"{jobs.name}-rollback-{number}"
    manifest = rollback_manifest(replace(args, jobs=jobs), number, name)
    return {
        "kubeconfig": pulumi.Output.secret(jobs.cluster.kubeconfig),
        "kube_context": jobs.cluster.context,
        "namespace": jobs.namespace,
        "service_account": jobs.service_account,
        "job_name": manifest["metadata"]["name"],
        # Text, since a dynamic provider gets every number back as a float.
        "manifest": json.dumps(manifest, sort_keys=True),
        "files": packed(files),
        "seconds": jobs.await_seconds,
        "start_seconds": jobs.start_seconds,
        "owns_database": args.owns_database,
        "must_succeed": args.must_succeed,
    }


def _expect_own(props: Mapping[str, Any]) -> None:
    """Refuse where the destroy would go on at another server, or with another stack's objects."""
    from .job import another_owner

    # A state of before there were such inputs cannot tell.
    if "identities" not in props:
        return
    try:
        identities(props["servers"], props["identities"], must_answer=True, context=UNTOUCHED)
        owner = another_owner(props)
    except UnexpectedServer as error:
        refuse(str(error))
    except Exception as error:  # whatever it is, the user gets one sentence
        refuse(f"{UNTOUCHED}: {_with_cure(_not_started(error))}")
    if owner:
        account = f"{props['namespace']}/{props['service_account']}"
        refuse(
            f"{UNTOUCHED}: expected ServiceAccount {account} to be this stack's, found the owner "
            f"id {owner}; another stack has taken over: docs/adopt.md says what is to be done"
        )


def _may_have_begun(props: Mapping[str, Any]) -> bool:
    from .job import may_have_begun

    # A state of before there was such an input cannot tell.
    return "service_account" not in props or may_have_begun(props)


def _roll_back(props: Mapping[str, Any]) -> str | None:
    """Run the Job to its end; return why it did not complete and what to do, or None."""
    # Imported here, since most runs only compare and never destroy.
    from .job import RollbackJob

    job = None
    try:
        job = RollbackJob(props)
        job.start()
        reason = job.wait()
    except Exception as error:  # whatever it is, the user gets one sentence
        if job and job.made:
            return f"{job} {UNKNOWN}: {_named(error)}; look at it"
        reason = _not_started(error)
    if job and job.backup:
        say(job.backup)
    return _with_cure(reason) if reason else None


def _not_started(error: Exception) -> str:
    return f"the rollback could not start: {_named(error)}"


def _with_cure(reason: str) -> str:
    """Add the general cure, unless the reason says what to do before the next destroy."""
    return reason if "pulumi destroy" in reason else f"{reason}; {AGAIN}"


UNTOUCHED = "nothing was destroyed"
UNDONE = (
    "expected the checkpoint tables to be there, found that a destroy which was stopped dropped "
    "them after they were migrated; run pulumi up --refresh to make them anew, or pulumi destroy "
    "to its end"
)
# The down file's own words (MG022): no permission lets a database go under whoever works in it.
CONNECTED = "expected nobody else in database"
UNKNOWN = "was started and may still drop the tables"
AGAIN = "mend it (pulumi up --refresh makes anew what is missing), then run pulumi destroy again"


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
