"""Monitoring on the real stack: what an exporter, an operator and a sidecar would pick up."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from msgspec.structs import replace
from psycopg import sql

from components.inputs.storage import CheckpointStorageArgs
from tests.maintenance.test_metrics import grants
from tests.support.database import connect
from tests.support.deployment import Deployment
from tests.support.monitoring import ARGS, collected, commands_of_alerts, promtool, queries

CRD = Path(__file__).with_name("prometheusrule-crd.yaml")
NAME = "agent-executor"
METRICS = "checkpoint_metrics"
PASSWORD = "metrics: \\ 'quoted'"


def kubectl(dev: Deployment, *arguments: str) -> Any:
    namespace = dev.settings["namespace"]
    return dev.run("kubectl", "-n", namespace, *arguments)


def found(dev: Deployment, kind: str, name: str) -> dict[str, Any]:
    return json.loads(kubectl(dev, "get", kind, name, "-o", "json").expect().text)


def arguments(dev: Deployment) -> CheckpointStorageArgs:
    settings = dev.settings
    return replace(
        ARGS,
        environment=settings["environment"],
        namespace=settings["namespace"],
        database_name=settings["databaseName"],
    )


def test_a_prometheus_rule_without_its_crd_is_refused_in_one_sentence(dev: Deployment) -> None:
    dev.configure(
        monitoring=True,
        monitoringPrometheusRule=True,
        monitoringRuleLabel="release=kube-prometheus-stack",
        monitoringBytesLimit=10**9,
    )
    preview, outcome = dev.preview(), dev.up()

    assert preview.status == 0, preview.text
    assert outcome.status != 0
    said = outcome.text.rpartition("Diagnostics:")[2]
    assert said.count(
        "expected the CustomResourceDefinition prometheusrules.monitoring.coreos.com in the "
        "cluster, found none: install the Prometheus operator, or set monitoringPrometheusRule "
        "to false"
    ) == 1  # fmt: skip
    assert "Traceback" not in outcome.text
    assert "no matches for kind" not in outcome.text


def test_with_the_crd_rules_queries_and_dashboard_are_there_and_stay(dev: Deployment) -> None:
    dev.run("kubectl", "apply", "-f", str(CRD)).expect()
    crd = "crd/prometheusrules.monitoring.coreos.com"
    dev.run("kubectl", "wait", "--for=condition=Established", crd).expect()

    dev.up().expect()

    rule = found(dev, "prometheusrules.monitoring.coreos.com", f"{NAME}-rules")
    assert rule["metadata"]["labels"]["release"] == "kube-prometheus-stack"
    published = found(dev, "configmap", f"{NAME}-metrics")["data"]
    assert rule["spec"] == yaml.safe_load(published["rules.yaml"])
    assert found(dev, "configmap", f"{NAME}-dashboard")["metadata"]["labels"]["grafana_dashboard"]
    assert "queries" in found(dev, "configmap", f"{NAME}-cloudnative-pg")["data"]
    dev.preview("--expect-no-changes").expect()


def test_the_alerts_commands_run_as_they_stand(dev: Deployment) -> None:
    said: dict[str, str] = {}
    for alert, text in commands_of_alerts(arguments(dev)).items():
        if text.startswith("kubectl "):
            command = text.replace("{{ $labels.job_name }}", f"{NAME}-verification-001")
            said[alert] = dev.run("sh", "-c", command).expect().text

    assert len(said) == 6
    assert "result: " in said["CheckpointSchemaJobFailed"]
    assert f"{NAME}-verification-001" in said["CheckpointVerificationOld"]


@pytest.mark.lane
def test_promtool_takes_the_published_rules(dev: Deployment, tmp_path: Path) -> None:
    dev.configure(monitoring=True)
    dev.up().expect()
    file = tmp_path / "rules.yaml"
    file.write_text(found(dev, "configmap", f"{NAME}-metrics")["data"]["rules.yaml"])

    checked = promtool("check", "rules", "--lint=all", "--lint-fatal", file)

    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.fixture(scope="module")
def metrics_role(dev: Deployment) -> dict[str, str]:
    """Make the documented role; return what it logs in with, over verified TLS."""
    with connect(dev, dev.settings["databaseName"]) as admin:
        create = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
        admin.execute(create.format(sql.Identifier(METRICS), sql.Literal(PASSWORD)))
        for statement in grants(METRICS, dev.settings["databaseName"]):
            admin.execute(statement.encode())
    return {"user": METRICS, "password": PASSWORD}


def test_the_published_queries_read_the_stacks_database(
    dev: Deployment, metrics_role: dict[str, str]
) -> None:
    published = yaml.safe_load(
        found(dev, "configmap", f"{NAME}-metrics")["data"]["langgraph_checkpoint.collector.yml"]
    )
    args = arguments(dev)
    assert {it["query_name"]: it["query"] for it in published["queries"]} == queries(args)

    with connect(dev, dev.settings["databaseName"], metrics_role) as connection:
        samples = collected(connection, args)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT checkpoint FROM checkpoints")

    environment = dev.settings["environment"]
    reported = dev.outputs()["verification"]["tables"]
    assert samples["langgraph_checkpoint_schema_version", environment] == 9
    for table in reported:
        assert ("langgraph_checkpoint_table_bytes", environment, table) in samples


def test_turned_off_it_leaves_nothing_and_its_role_disturbs_no_verification(
    dev: Deployment, metrics_role: dict[str, str]
) -> None:
    assert metrics_role
    dev.configure(monitoring=False, monitoringPrometheusRule=False, verify="always")

    dev.up().expect()

    assert dev.outputs()["verification"]["ok"] is True
    listed = kubectl(dev, "get", "configmaps,prometheusrules.monitoring.coreos.com", "-o", "name")
    left = [name for name in listed.expect().text.split() if NAME in name]
    assert all("migration" in name or "rollback" in name for name in left)
    dev.run("kubectl", "delete", "-f", str(CRD)).expect()
