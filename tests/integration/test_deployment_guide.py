"""An environment from the guide alone, broken and repaired by the page for those on call."""

import json
from collections.abc import Callable

import pytest

from tests.support.database import connect, dump, tables
from tests.support.deployment import Deployment, Outcome
from tests.support.documents import follow

GUIDE = "../migrations/DEPLOYMENT_GUIDE.md"
PAGE = "operations.md"
NAME = "agent-executor"


@pytest.fixture(scope="module")
def guided(dev: Deployment, deploy: Callable[..., Deployment]) -> Deployment:
    """Return an environment that knows nothing but its name, on the mounts of another."""
    environment = deploy("guided", backoffLimit=0)
    environment.configure(
        **{key: dev.settings[key] for key in ("vaultAuthMount", "vaultKvMount")},
        vaultRole=NAME,
        vaultPolicy=NAME,
    )
    return environment


def guide(environment: Deployment, block: str) -> Outcome:
    return follow(environment, GUIDE, block, **names(environment))


def page(environment: Deployment, block: str) -> Outcome:
    return follow(environment, PAGE, block, **names(environment))


def names(environment: Deployment) -> dict[str, str]:
    settings = environment.settings
    return {
        "ENVIRONMENT": environment.stack,
        "DATABASE": "guided",
        "AUTH_MOUNT": settings["vaultAuthMount"],
        "KV_MOUNT": settings["vaultKvMount"],
        "SECRET_PATH": "guided/postgres",
    }


def test_the_guide_leads_to_the_schema_of_dev(guided: Deployment, dev: Deployment) -> None:
    guide(guided, "namespace").expect()
    guide(guided, "check").expect()
    guide(guided, "credential").expect()
    guide(guided, "settings").expect()
    done = guide(guided, "up").expect()

    assert '"ok": true' in done.text
    assert dump(guided, "guided") == dump(dev, dev.settings["databaseName"])
    assert "guided/postgres" in guide(guided, "vault").expect().text
    answer = guide(guided, "queries").expect().text
    assert "(4 rows)" in answer
    assert answer.count("guided_owner ") == 4
    assert answer.count("| t\n") == 7


def test_what_the_page_looks_at_is_there(guided: Deployment) -> None:
    said = page(guided, "look").expect().text

    assert "Complete" in said
    assert "schema public at version 9" in said


def test_the_rehearsal_breaks_and_repairs_what_it_says(guided: Deployment) -> None:
    page(guided, "verify").expect()

    page(guided, "break password").expect()
    failed = guided.up().expect(1)
    assert "password authentication failed for user" in failed.text
    page(guided, "rotate").expect()
    guided.up().expect()

    page(guided, "break index").expect()
    failed = guided.up().expect(1)
    assert "checkpoints_thread_id_idx: expected" in failed.text
    page(guided, "repair index").expect()

    page(guided, "break role").expect()
    failed = guided.up().expect(1)
    assert "invalid role name" in failed.text
    page(guided, "repair role").expect()
    outputs = guided.outputs()
    assert outputs["verification"]["ok"] is True, json.dumps(outputs)


def test_the_guides_rollback_drops_the_tables(guided: Deployment) -> None:
    guide(guided, "rollback").expect()

    with connect(guided, "guided") as connection:
        assert tables(connection) == set()
