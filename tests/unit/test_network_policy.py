import pytest
import yaml

from components.jobs.template import KINDS
from tests.unit.test_checkpoint_storage import DEV, storage  # noqa: F401

POLICY = "NetworkPolicy checkpoints-network"
GOLDEN = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: agent-executor-jobs, namespace: bizmatters}
spec:
  podSelector:
    matchLabels:
      app.kubernetes.io/part-of: langgraph-checkpoint
    matchExpressions:
    - key: app.kubernetes.io/name
      operator: In
      values:
      - agent-executor-migration
      - agent-executor-verification
      - agent-executor-rollback
      - agent-executor-backup
      - agent-executor-restore-drill
      - agent-executor-retention
  policyTypes: [Ingress, Egress]
  ingress: []
  egress:
  - ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
  - to:
    - ipBlock: {cidr: 10.0.0.1/32}
    ports:
    - {protocol: TCP, port: 8200}
  - to:
    - ipBlock: {cidr: 10.0.0.1/32}
    ports:
    - {protocol: TCP, port: 5432}
"""


def egress(resources) -> list[dict[str, object]]:
    return resources[POLICY].inputs["spec"]["egress"][1:]


def test_the_policy_is_the_golden_one(storage) -> None:  # noqa: F811
    policy = storage(**DEV)[POLICY].inputs
    # What all objects of the program have alike is shown elsewhere.
    policy["metadata"].pop("annotations", None)

    assert policy == yaml.safe_load(GOLDEN)


@pytest.mark.parametrize(
    ("address", "cidr", "port"),
    [
        ("https://vault.example.com:8200", None, 8200),
        ("https://vault.example.com", None, 443),
        ("https://192.0.2.7/prefix", "192.0.2.7/32", 443),
        ("https://[2001:db8::7]:8200", "2001:db8::7/128", 8200),
    ],
)
def test_vault_is_open_at_its_address_or_by_its_port(storage, address, cidr, port) -> None:  # noqa: F811
    vault, _ = egress(storage(environment="dev", vaultAddressInCluster=address))

    assert vault["ports"] == [{"protocol": "TCP", "port": port}]
    assert vault.get("to") == ([{"ipBlock": {"cidr": cidr}}] if cidr else None)


def test_the_database_of_somebody_elses_secret_is_open_by_its_port(storage) -> None:  # noqa: F811
    _, database = egress(storage(environment="dev", databasePort=6432))

    assert database == {"ports": [{"protocol": "TCP", "port": 6432}]}


def test_a_cluster_that_has_policies_of_its_own_gets_none(storage) -> None:  # noqa: F811
    assert POLICY not in storage(**DEV, manageNetworkPolicy=False)


def test_the_policy_is_there_before_the_jobs_and_names_each_kind_of_them(storage) -> None:  # noqa: F811
    resources = storage(**DEV)
    spec = resources[POLICY].inputs["spec"]["podSelector"]
    jobs = [name for name in resources if name.startswith("Job ")]

    assert list(resources).index(POLICY) < min(list(resources).index(job) for job in jobs)
    assert spec["matchExpressions"][0]["values"] == [f"agent-executor-{kind}" for kind in KINDS]
    for job in jobs:
        labels = resources[job].inputs["spec"]["template"]["metadata"]["labels"]
        assert spec["matchLabels"].items() <= labels.items()
        assert labels["app.kubernetes.io/name"] in spec["matchExpressions"][0]["values"]
