"""Destroys while the API server, or the load balancer before it, answers with passing faults."""

from collections.abc import Callable, Iterator

import pytest

from tests.integration.conftest import DEV
from tests.support.database import connect
from tests.support.deployment import Deployment
from tests.support.faulty_api_server import FAULTS, FaultyApiServer

ACCOUNT = "behind-a-load-balancer"
ROLLBACK_JOB = "/jobs/agent-executor-rollback-001"


@pytest.fixture(scope="module")
def dev(deploy: Callable[..., Deployment]) -> Deployment:
    return deploy("passing-faults", **DEV)


@pytest.fixture(scope="module")
def token(dev: Deployment) -> str:
    def kubectl(*arguments: str) -> str:
        return dev.run("kubectl", "-n", "default", *arguments).expect().text.strip()

    kubectl("create", "serviceaccount", ACCOUNT)
    role = ("--clusterrole=cluster-admin", f"--serviceaccount=default:{ACCOUNT}")
    kubectl("create", "clusterrolebinding", ACCOUNT, *role)
    return kubectl("create", "token", ACCOUNT)


@pytest.fixture
def server(dev: Deployment, token: str) -> Iterator[FaultyApiServer]:
    with FaultyApiServer(dev) as server:
        dev.up(KUBECONFIG=server.kubeconfig(token, dev.folder / "faulty.yaml")).expect()
        yield server


def makes_what_the_rollback_needs(method: str, path: str) -> bool:
    return method == "POST" and path.endswith(("/jobs", "/configmaps"))


def of_the_rollback(method: str, path: str) -> bool:
    """Tell whether no other than the rollback sends such a request as it begins or waits."""
    made = makes_what_the_rollback_needs(method, path)
    return made or ROLLBACK_JOB in path or "/pods?" in path


@pytest.mark.parametrize("status", [429, 503])
def test_a_destroy_outlasts_faults_that_pass(
    dev: Deployment, server: FaultyApiServer, status: int
) -> None:
    server.fault = lambda *request: (status, False) if of_the_rollback(*request) else None

    dev.destroy().expect()

    met = {kind.split("/")[-1] for kind in server.met}
    assert {"jobs", "configmaps", "pods", ROLLBACK_JOB.split("/")[-1]} <= met
    assert set(server.met.values()) == {FAULTS}
    assert_gone(dev)


def test_a_job_whose_creation_got_no_answer_is_not_made_twice(
    dev: Deployment, server: FaultyApiServer
) -> None:
    server.fault = lambda *request: (502, True) if makes_what_the_rollback_needs(*request) else None

    dev.destroy().expect()

    assert any(kind.endswith("/jobs") for kind in server.met)
    assert_gone(dev)


def assert_gone(dev: Deployment) -> None:
    with connect(dev, "postgres") as admin:
        name = dev.settings["databaseName"]
        assert not admin.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchall()
