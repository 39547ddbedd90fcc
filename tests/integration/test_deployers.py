"""kubectl, Helm and Argo CD's engine reach the schema of `pulumi up`, by docs/deployers.md."""

import itertools
import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from psycopg import sql

from tests.support.database import TABLES, connect, dump, recreate, tables
from tests.support.deployers import gitops_engine, helm
from tests.support.deployment import Deployment, Outcome
from tests.support.documents import follow
from tests.support.pods import Pods

DOCUMENT = "docs/deployers.md"
JOBS = "agent-executor-migration-001", "agent-executor-verification-001"
PASSWORD = "canary-of-a-deployer"
ROW = "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('t', 'c', '{}')"
NUMBERS = itertools.count(1)
HELM, ARGO_CD = (pytest.param(name, marks=pytest.mark.lane) for name in ("helm", "argocd"))


@pytest.fixture(params=["plain", HELM, ARGO_CD])
def fresh(
    request: pytest.FixtureRequest, dev: Deployment, deploy: Callable[..., Deployment]
) -> Deployment:
    """Return an environment with a rendered folder, Vault's side, and an empty database."""
    name = f"{request.param}-{next(NUMBERS)}"
    shared = {key: dev.settings[key] for key in ("vaultAuthMount", "vaultKvMount")}
    environment = deploy(name, **shared, vaultSecretPath=name, backoffLimit=0, timeoutSeconds=120)
    with connect(dev, "postgres") as admin:
        role = sql.Identifier(name)
        admin.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(PASSWORD))
        )
        recreate(admin, name)
        admin.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(role, role))
    address = {"host": dev.environ["PGHOST"], "port": dev.environ["PGPORT"]}
    secret = address | {"database": name, "username": name, "password": PASSWORD}
    pairs = [f"{key}={value}" for key, value in secret.items()]
    dev.run("bao", "kv", "put", f"-mount={shared['vaultKvMount']}", name, *pairs).expect()
    dev.run("kubectl", "create", "namespace", name).expect()
    restricted = "pod-security.kubernetes.io/enforce=restricted"
    dev.run("kubectl", "label", "namespace", name, restricted).expect()
    assert f"TIMEOUT={timeout(environment)}" in read(environment, "render").expect().text
    read(environment, "vault").expect()
    return environment


def read(environment: Deployment, block: str) -> Outcome:
    """Run a block of the page with the tools on PATH that a reader has."""
    settings, path = environment.settings, environment.environ["PATH"]
    return follow(
        environment,
        DOCUMENT,
        block,
        ENVIRONMENT=environment.stack,
        POLICY=settings["vaultPolicy"],
        AUTH_MOUNT=settings["vaultAuthMount"],
        ROLE=settings["vaultRole"],
        TIMEOUT=timeout(environment),
        PATH=os.pathsep.join([str(helm().parent), path]),
    )


def timeout(environment: Deployment) -> str:
    return f"{environment.settings['timeoutSeconds'] + 60}s"


def sync(environment: Deployment, revision: str) -> Outcome:
    """Sync the folder together with the application's own manifest, as Argo CD would."""
    folder = environment.folder / "rendered" / environment.stack / "argocd"
    application = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "application", "namespace": environment.settings["namespace"]},
        "data": {"revision": revision},
    }
    (folder / "application.yaml").write_text(json.dumps(application))
    return environment.run(str(gitops_engine()), str(folder), environment.settings["namespace"])


def deployed(environment: Deployment, revision: str) -> Outcome:
    """Deploy with the tool that the environment is named after."""
    if environment.stack.startswith("argocd"):
        return sync(environment, revision)
    if environment.stack.startswith("helm"):
        return read(environment, "helm")
    return read(environment, "plain")


def rolled_back(environment: Deployment) -> Outcome:
    """Roll back with the tool that the environment is named after."""
    if environment.stack.startswith("helm"):
        return read(environment, "helm uninstall")
    return read(environment, "plain rollback")


def uid(environment: Deployment, *what: str) -> str:
    metadata: dict[str, Any] = Pods(environment).get(*what)["metadata"]
    return metadata["uid"]


def test_each_deployer_reaches_the_schema_of_pulumi_up_and_does_so_again(
    fresh: Deployment, dev: Deployment
) -> None:
    deployed(fresh, "first").expect()

    assert dump(fresh, fresh.stack) == dump(dev, dev.settings["databaseName"])
    pods = Pods(fresh)
    began = [pods.get("job", job)["status"]["completionTime"] for job in JOBS]
    assert began == sorted(began)
    report = pods.kubectl("logs", f"job/{JOBS[1]}").expect().text
    assert '"ok":true' in report
    account, jobs = (
        uid(fresh, "serviceaccount", "agent-executor"),
        [uid(fresh, "job", j) for j in JOBS],
    )

    fresh.configure(timeoutSeconds=130)
    read(fresh, "render").expect()
    deployed(fresh, "second").expect()

    assert pods.get("job", JOBS[0])["spec"]["activeDeadlineSeconds"] == 130
    assert "nothing to do" in pods.kubectl("logs", f"job/{JOBS[0]}").text
    assert uid(fresh, "serviceaccount", "agent-executor") == account
    assert [uid(fresh, "job", job) for job in JOBS] != jobs


def test_each_deployer_stops_at_a_migration_that_is_refused_and_then_goes_on(
    fresh: Deployment,
) -> None:
    with connect(fresh, fresh.stack) as connection:
        connection.execute("CREATE TABLE checkpoints (own integer)")

    done = deployed(fresh, "first")

    assert done.status != 0
    assert "expected" in read(fresh, "helm why").expect().text
    pods = Pods(fresh)
    assert pods.kubectl("get", "job", JOBS[1]).status != 0
    assert pods.kubectl("get", "configmap", "application").status != 0

    with connect(fresh, fresh.stack) as connection:
        connection.execute("DROP TABLE checkpoints")
    deployed(fresh, "second").expect()
    assert '"ok":true' in pods.kubectl("logs", f"job/{JOBS[1]}").expect().text


@pytest.mark.parametrize("fresh", ["plain", HELM], indirect=True)
def test_a_rollback_refuses_while_rows_are_left_and_then_drops_the_tables(
    fresh: Deployment,
) -> None:
    deployed(fresh, "first").expect()
    with connect(fresh, fresh.stack) as connection:
        connection.execute(ROW)

        refused = rolled_back(fresh)

        assert refused.status != 0
        assert tables(connection) == set(TABLES)
        assert "refusing to drop" in read(fresh, "helm why").expect().text
        connection.execute("DELETE FROM checkpoints")
        rolled_back(fresh).expect()
        assert tables(connection) == set()
    read(fresh, "helm remains").expect()
    left = Pods(fresh).kubectl("get", "job,configmap,networkpolicy", "-o", "name").expect().text
    assert left.split() == ["configmap/kube-root-ca.crt"]
