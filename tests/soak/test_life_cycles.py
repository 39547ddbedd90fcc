"""Brings an environment up and destroys it, again and again."""

import json
from collections.abc import Callable

from tests.integration.conftest import DEV
from tests.integration.conftest import deploy as deploy
from tests.integration.conftest import devstack as devstack
from tests.support.database import connect, dump
from tests.support.deployment import Deployment

LIVES = 20


def test_f34_twenty_lives_of_an_environment_leave_the_same_result(
    deploy: Callable[..., Deployment],
) -> None:
    dev = deploy("lives", **DEV)
    namespace, database = dev.settings["namespace"], dev.settings["databaseName"]
    kinds = "jobs,configmaps,serviceaccounts,networkpolicies"
    lives: set[str] = set()
    for _ in range(LIVES):
        dev.up().expect()
        found = dev.run("kubectl", "-n", namespace, "get", kinds, "-o", "name").expect().text
        named = [line for line in found.splitlines() if "reviewer" not in line]
        policy = dev.run("bao", "policy", "read", dev.settings["vaultPolicy"]).expect().text
        lives.add(json.dumps([dump(dev, database), named, policy]))
        dev.destroy().expect()
        assert not json.loads(dev.state())["deployment"].get("resources")
        with connect(dev, "postgres") as admin:
            query = "SELECT datname FROM pg_database UNION SELECT rolname FROM pg_roles"
            assert not [row for row in admin.execute(query) if row[0].startswith(database)]

    assert len(lives) == 1
