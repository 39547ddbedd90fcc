"""What an environment leaves in the state, the cluster, Vault and the database server."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.support.database import connect
from tests.support.deployment import Deployment
from tests.support.vault_api import VaultApi

SECRET = "bizmatters/agent-executor/postgres"
# What the names of the Jobs' secret, role and policy end in, and those of the application's.
ENDS = ("", "-app")
KINDS = "jobs,configmaps,serviceaccounts,secrets,networkpolicies"
# What the provider or a digest adds to a name.
DRAWN = re.compile(r"-[0-9a-f]{8,10}$")
ROLES = """
SELECT rolname, rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolinherit, rolconfig,
       ARRAY(SELECT roleid::regrole::text FROM pg_auth_members WHERE member = r.oid ORDER BY 1)
FROM pg_roles AS r WHERE rolname LIKE %s ORDER BY rolname
"""
NAMES = "SELECT datname FROM pg_database UNION SELECT rolname FROM pg_roles"


def result(dev: Deployment, name: str = "agent-executor") -> dict[str, Any]:
    """Return what an `up` makes, the same in every life and whatever `name` the Jobs have.

    Left out are passwords and what a refused rollback leaves until its time to live.
    """
    found = {
        "state": sorted(resource["urn"] for resource in deployed(dev).get("resources", ())),
        "bindings": len(bindings(dev)),
        **_objects(dev),
        **_vault(dev),
        **_database(dev),
    }
    same = json.loads(json.dumps(found).replace(f"{name}-", "NAME-"))
    return same | {"objects": sorted(same["objects"])}


def residue(dev: Deployment) -> list[str]:
    """Return the name of all that bears this environment's name and is still there."""

    def held() -> Iterator[str]:
        yield from (resource["urn"] for resource in deployed(dev).get("resources", ()))
        yield from bindings(dev)
        yield from (item["metadata"]["name"] for item in _kubectl(dev, "get", "namespaces"))
        with connect(dev, "postgres") as admin:
            yield from (name for (name,) in admin.execute(NAMES))
        vault = VaultApi(dev)
        for path in ("sys/mounts", "sys/auth"):
            yield from vault.request("GET", path)[1]["data"]
        yield from vault.request("LIST", "sys/policies/acl")[1]["data"]["keys"]

    return [name for name in held() if dev.stack in name]


def deployed(dev: Deployment) -> dict[str, Any]:
    """Return the state's deployment: resources and pending operations."""
    return json.loads(dev.state())["deployment"]


def bindings(dev: Deployment) -> list[str]:
    """Return the cluster-wide rights of the environment's namespace."""
    return [
        f"{item['metadata']['name']} of {subject['namespace']}"
        for item in _kubectl(dev, "get", "clusterrolebindings")
        for subject in item.get("subjects", ())
        if subject.get("namespace") == dev.settings["namespace"]
    ]


def credential(dev: Deployment) -> dict[str, str]:
    """Return the Jobs' credential as it stands in Vault."""
    return _read(dev, f"{dev.settings['vaultKvMount']}/data/{SECRET}")["data"]


def has_secrets(dev: Deployment) -> bool:
    """Tell whether Vault still holds both credentials."""
    paths = [f"{dev.settings['vaultKvMount']}/data/{SECRET}{end}" for end in ENDS]
    return all(VaultApi(dev).request("GET", path)[0] == 200 for path in paths)


def _objects(dev: Deployment) -> dict[str, Any]:
    objects = _kubectl(dev, "-n", dev.settings["namespace"], "get", KINDS)
    named = [f"{item['kind']} {DRAWN.sub('', item['metadata']['name'])}" for item in objects]
    return {
        "objects": [name for name in named if "-rollback-" not in name],
        "network": [item["spec"] for item in objects if item["kind"] == "NetworkPolicy"],
        "tokens": [
            (item["metadata"]["name"], item["automountServiceAccountToken"])
            for item in objects
            if "automountServiceAccountToken" in item and not DRAWN.search(item["metadata"]["name"])
        ],
    }


def _vault(dev: Deployment) -> dict[str, Any]:
    settings = dev.settings
    auth, kv = f"auth/{settings['vaultAuthMount']}", settings["vaultKvMount"]
    paths = [f"{auth}/config", f"sys/mounts/{kv}/tune"]
    paths += [f"{auth}/role/{settings['vaultRole']}{end}" for end in ENDS]
    policies = [f"sys/policies/acl/{settings['vaultPolicy']}{end}" for end in ENDS]
    secrets = [_read(dev, f"{kv}/data/{SECRET}{end}")["data"] for end in ENDS]
    return {
        **{path: _read(dev, path) for path in paths},
        "policies": [_read(dev, path)["policy"] for path in policies],
        "secrets": [secret | {"password": ""} for secret in secrets],
    }


def _database(dev: Deployment) -> dict[str, Any]:
    database = dev.settings["databaseName"]
    with connect(dev, database) as connection:
        roles = connection.execute(ROLES.encode(), [f"{database}%"]).fetchall()
        ledger = connection.execute("SELECT v FROM checkpoint_migrations ORDER BY v").fetchall()
    schema = dev.run("pg_dump", "-s", "--create", "-d", database).expect().text
    return {
        "roles": roles,
        "ledger": ledger,
        # Newer pg_dump puts a random token into two lines.
        "schema": [line for line in schema.splitlines() if "restrict" not in line],
    }


def _kubectl(dev: Deployment, *arguments: str) -> list[dict[str, Any]]:
    return json.loads(dev.run("kubectl", *arguments, "-o", "json").expect().text)["items"]


def _read(dev: Deployment, path: str) -> dict[str, Any]:
    status, answer = VaultApi(dev).request("GET", path)
    assert status == 200, f"{path}: {status} {answer}"
    return answer["data"]
