"""An environment from the guide alone, broken and repaired by the page for those on call."""

import json
from collections.abc import Callable

import pytest

from tests.support.database import connect, dump, tables
from tests.support.deployment import Deployment, Outcome
from tests.support.documents import follow

GUIDE = "migrations/DEPLOYMENT_GUIDE.md"
PAGE = "docs/operations.md"
NAMES = {
    "ENVIRONMENT": "guided",
    "NAMESPACE": "guided",
    "NAME": "guided-jobs",
    "DATABASE": "guided",
    "AUTH_MOUNT": "guided-kubernetes",
    "KV_MOUNT": "guided-kv",
    "SECRET_PATH": "guided/postgres",
}


@pytest.fixture(scope="module")
def guided(clone: Callable[[str], Deployment]) -> Deployment:
    return clone("guided")


def guide(environment: Deployment, block: str, **variables: str) -> Outcome:
    return follow(environment, GUIDE, block, **NAMES, **variables)


def page(environment: Deployment, block: str) -> Outcome:
    return follow(environment, PAGE, block, **NAMES)


def test_the_guide_leads_from_a_clone_to_the_schema_of_dev(
    guided: Deployment, dev: Deployment
) -> None:
    guide(guided, "stack").expect()
    guide(guided, "namespace").expect()
    guide(guided, "kv").expect()
    guide(guided, "auth").expect()
    guide(guided, "server").expect()
    guide(guided, "credential").expect()
    guide(guided, "settings").expect()
    guide(guided, "check").expect()
    guided.configure(backoffLimit=0)
    done = guide(guided, "up").expect()

    assert '"ok": true' in done.text
    assert dump(guided, "guided") == dump(dev, dev.settings["databaseName"])
    assert "guided/postgres" in guide(guided, "vault").expect().text
    answer = guide(guided, "queries").expect().text
    assert "(4 rows)" in answer
    assert answer.count("guided_owner ") == 4
    assert answer.count("| t\n") == 7


def test_the_guides_check_fails_without_rights_in_vault(guided: Deployment) -> None:
    token = guided.run("vault", "token", "create", "-policy=default", "-field=token").expect()

    assert guide(guided, "check", VAULT_TOKEN=token.text.strip()).status != 0


def test_what_the_page_looks_at_is_there(guided: Deployment) -> None:
    said = page(guided, "look").expect().text

    assert "Complete" in said
    assert "schema public at version 9" in said
    assert "/vault-init] ==> " in said
    assert f"{NAMES['NAME']}-verification-001" in said


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
    page(guided, "upgrade").expect()
    outputs = guided.outputs()
    assert outputs["verification"]["ok"] is True, json.dumps(outputs)


def test_the_guides_rollback_drops_the_tables(guided: Deployment) -> None:
    guide(guided, "rollback").expect()

    with connect(guided, "guided") as connection:
        assert tables(connection) == set()
