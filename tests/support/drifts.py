"""Changes made behind Pulumi's back, and how to see that they are gone."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.database import connect
from tests.support.deployment import Deployment
from tests.support.migration_files import NUMBER


class Environment:
    """A deployed environment, its tools at hand; `name` is that of its Jobs."""

    def __init__(self, dev: Deployment, name: str = "agent-executor") -> None:
        self.dev, self.name = dev, name
        self.database = dev.settings["databaseName"]
        self.role = f"auth/{dev.settings['vaultAuthMount']}/role/{dev.settings['vaultRole']}"
        self.policy = f"sys/policies/acl/{dev.settings['vaultPolicy']}"

    def bao(self, *arguments: str) -> str:
        return self.dev.run("bao", *arguments).expect().text

    def read(self, path: str) -> dict[str, Any]:
        return json.loads(self.bao("read", "-format=json", path))["data"]

    def kubectl(self, *arguments: str) -> str:
        return (
            self.dev.run("kubectl", "-n", self.dev.settings["namespace"], *arguments).expect().text
        )

    def uid(self, job: str) -> str:
        return self.kubectl("get", "job", job, "-o", "jsonpath={.metadata.uid}")

    def query(self, statement: str) -> list[Any]:
        with connect(self.dev, self.database) as connection:
            return connection.execute(statement.encode()).fetchall()

    def execute(self, statement: str) -> None:
        with connect(self.dev, self.database) as connection:
            connection.execute(statement.encode())


@dataclass(frozen=True)
class Drift:
    """A change made outside and how to see that it is gone."""

    resource: str
    operation: str
    change: Callable[[Environment], object]
    repaired: Callable[[Environment], bool]


def recreate_config_map(here: Environment) -> None:
    names = here.kubectl("get", "configmaps", "-o", "name").split()
    (name,) = (name.partition("/")[2] for name in names if f"/{here.name}-migration-" in name)
    here.kubectl("delete", "configmap", name)
    here.kubectl("create", "configmap", name, "--from-literal=migrate.sh=planted")


DRIFTS = {
    "widened role": Drift(
        "checkpoints-access-role",
        "update",
        lambda here: here.bao(
            *("write", here.role, "bound_service_account_names=*", "audience=vault"),
            *("bound_service_account_namespaces=*", "token_policies=default", "token_num_uses=0"),
        ),
        lambda here: (
            here.read(here.role)["bound_service_account_names"] == ["agent-executor"]
            and here.read(here.role)["token_policies"] == [here.dev.settings["vaultPolicy"]]
        ),
    ),
    "edited policy": Drift(
        "checkpoints-access-policy",
        "update",
        lambda here: here.bao(
            "write", here.policy, 'policy=path "*" { capabilities = ["read", "list"] }'
        ),
        lambda here: 'path "*"' not in here.read(here.policy)["policy"],
    ),
    "deleted policy": Drift(
        "checkpoints-application-access-policy",
        "update",
        lambda here: here.bao("delete", f"{here.policy}-app"),
        lambda here: "data/" in here.read(f"{here.policy}-app")["policy"],
    ),
    "deleted role": Drift(
        "checkpoints-application-access-role",
        "create",
        lambda here: here.bao("delete", f"{here.role}-app"),
        lambda here: here.read(f"{here.role}-app")["audience"] == "vault",
    ),
    "deleted ServiceAccount": Drift(
        "checkpoints-access-account",
        "create",
        lambda here: here.kubectl("delete", "serviceaccount", "agent-executor"),
        lambda here: bool(here.kubectl("get", "serviceaccount", "agent-executor")),
    ),
    "edited ServiceAccount": Drift(
        "checkpoints-application-access-account",
        "update",
        lambda here: here.kubectl(
            *("patch", "serviceaccount", "agent-executor-app"),
            *("-p", '{"automountServiceAccountToken": true}'),
        ),
        lambda here: (
            here.kubectl(
                *("get", "serviceaccount", "agent-executor-app"),
                *("-o", "jsonpath={.automountServiceAccountToken}"),
            )
            == "false"
        ),
    ),
    "opened NetworkPolicy": Drift(
        "checkpoints-network",
        "update",
        lambda here: here.kubectl(
            *("patch", "networkpolicy", f"{here.name}-jobs", "--type=merge"),
            *("-p", '{"spec": {"egress": [{}]}}'),
        ),
        lambda here: (
            "53"
            in here.kubectl(
                *("get", "networkpolicy", f"{here.name}-jobs"),
                *("-o", "jsonpath={.spec.egress[*].ports[*].port}"),
            )
        ),
    ),
    "exchanged ConfigMap": Drift(
        "checkpoints-migration-files",
        "replace",
        recreate_config_map,
        lambda here: "planted" not in here.kubectl("get", "configmaps", "-o", "yaml"),
    ),
    "Job gone by its TTL": Drift(
        "checkpoints-migration-job",
        "create",
        lambda here: here.kubectl("delete", "job", f"{here.name}-migration-{NUMBER}", "--wait"),
        lambda here: bool(here.uid(f"{here.name}-migration-{NUMBER}")),
    ),
    "altered database role": Drift(
        "checkpoints-database-application",
        "update",
        lambda here: here.execute(f'ALTER ROLE "{here.database}_app" CREATEDB'),
        lambda here: here.query(
            f"SELECT rolcreatedb FROM pg_roles WHERE rolname = '{here.database}_app'"
        ) == [(False,)],
    ),
}  # fmt: skip
