import json
import re

import pytest
import yaml

from components.inputs.checks import InputsError
from components.monitoring.files import (
    FILES,
    cloudnative_pg,
    collector,
    config_maps,
    prometheus_rule,
    rules,
)
from components.settings.settings import load as load_settings
from tests.support.monitoring import ARGS
from tests.unit.test_checkpoint_storage import DEV, ENVIRON, storage  # noqa: F401
from tools.alert_table import PAGE, page

ON = {**DEV, "monitoring": True}
PREFIX = "checkpoints-monitoring"
METADATA = """
namespace: bizmatters
labels: {app.kubernetes.io/part-of: langgraph-checkpoint}
annotations: {langgraph-checkpoint/environment: dev}
"""
# What sql_exporter's documentation allows; it refuses a file with any other key.
COLLECTOR_KEYS = {"collector_name", "metrics", "queries"}
METRIC_KEYS = {"metric_name", "type", "help", "key_labels", "values", "query_ref"}
QUERY_KEYS = {"query_name", "query"}
NAME = re.compile(r"(?<![\w:])(?:langgraph_checkpoint|kube)[a-z_:]*(?=[{\[ )]|$)", re.M)


def test_monitoring_is_off_by_default(storage) -> None:  # noqa: F811
    assert not [name for name in storage(**DEV) if "monitoring" in name]


def test_three_config_maps_are_made_after_the_verification(storage) -> None:  # noqa: F811
    resources = storage(**ON)
    made = [name for name in resources if name.startswith(f"ConfigMap {PREFIX}")]

    kinds = ("metrics", "cloudnative-pg", "dashboard")
    assert sorted(made) == sorted(f"ConfigMap {PREFIX}-{kind}" for kind in kinds)
    order = list(resources)
    assert order.index("Job checkpoints-verification-job") < min(map(order.index, made))
    assert not [name for name in resources if name.startswith("PrometheusRule")]


@pytest.mark.parametrize(
    ("kind", "label", "keys"),
    [
        ("metrics", {}, ["langgraph_checkpoint.collector.yml", "rules.yaml"]),
        ("cloudnative-pg", {"cnpg.io/reload": ""}, ["queries"]),
        ("dashboard", {"grafana_dashboard": "1"}, ["langgraph-checkpoints.json"]),
    ],
)
def test_a_config_map_is_the_golden_one(kind, label, keys) -> None:
    manifest = config_maps(ARGS)[kind]
    metadata = yaml.safe_load(METADATA)

    assert list(manifest.pop("data")) == keys
    assert manifest == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            **metadata,
            "name": f"agent-executor-{kind}",
            "labels": metadata["labels"] | label,
        },
    }


def test_the_prometheus_rule_carries_the_rules_and_the_label_that_selects_it(storage) -> None:  # noqa: F811
    resources = storage(
        **ON, monitoringPrometheusRule=True, monitoringRuleLabel="release=kube-prometheus-stack"
    )
    rule = resources[f"PrometheusRule {PREFIX}-rules"]

    assert rule.typ == "kubernetes:monitoring.coreos.com/v1:PrometheusRule"
    assert rule.inputs["metadata"]["labels"]["release"] == "kube-prometheus-stack"
    data = resources[f"ConfigMap {PREFIX}-metrics"].inputs["data"]
    assert rule.inputs["spec"] == yaml.safe_load(data["rules.yaml"])
    assert prometheus_rule(ARGS)["spec"] == rules(ARGS)


def test_no_file_keeps_a_place_that_was_not_filled() -> None:
    for manifest in config_maps(ARGS).values():
        for content in manifest["data"].values():
            assert not re.search("@[A-Z_]+@", content)


def test_the_collector_keeps_to_the_documented_format() -> None:
    document = yaml.safe_load(collector(ARGS))
    names = {query["query_name"] for query in document["queries"]}

    assert document.keys() == COLLECTOR_KEYS
    assert all(query.keys() == QUERY_KEYS for query in document["queries"])
    for metric in document["metrics"]:
        assert metric.keys() == METRIC_KEYS
        assert metric["type"] in ("gauge", "counter")
        assert metric["query_ref"] in names
        assert len(metric["values"]) == 1
        assert not set(metric["values"]) & set(metric["key_labels"])


def test_cloudnative_pg_gets_the_same_queries_and_metrics_as_sql_exporter() -> None:
    document, theirs = yaml.safe_load(collector(ARGS)), yaml.safe_load(cloudnative_pg(ARGS))
    expected = {query["query_name"]: query["query"] for query in document["queries"]}
    metrics = {metric["metric_name"]: metric for metric in document["metrics"]}
    found = {
        f"{name}_{column}": (described["usage"].lower(), described["description"])
        for name, query in theirs.items()
        for mapping in query["metrics"]
        for column, described in mapping.items()
        if described["usage"] != "LABEL"
    }

    assert {name: query["query"] for name, query in theirs.items()} == expected
    assert found == {name: (metric["type"], metric["help"]) for name, metric in metrics.items()}
    for query in theirs.values():
        assert query["primary"] is True
        assert query["target_databases"] == ["langgraph"]


def names_in(expression: str) -> set[str]:
    return set(NAME.findall(expression))


def panels() -> list[dict]:
    return json.loads((FILES / "dashboard.json").read_text())["panels"]


def test_rules_and_dashboard_read_only_what_there_is() -> None:
    metrics = {metric["metric_name"] for metric in yaml.safe_load(collector(ARGS))["metrics"]}
    all_rules = [rule for group in rules(ARGS)["groups"] for rule in group["rules"]]
    recorded = {rule["record"] for rule in all_rules if "record" in rule}
    read = {name for rule in all_rules for name in names_in(rule["expr"])}
    shown = {name for panel in panels() for it in panel["targets"] for name in names_in(it["expr"])}

    assert {name for name in read if not name.startswith("kube_")} <= metrics | recorded
    assert shown <= metrics | recorded
    assert shown >= recorded - {"langgraph_checkpoint:day_bytes"} - {
        f"langgraph_checkpoint:bytes_per_day:{part}" for part in ("steady", "trend", "next")
    }


def test_each_panel_of_the_dashboard_has_a_place_a_unit_and_the_chosen_source() -> None:
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels()}

    assert len(places) == len(panels())
    for panel in panels():
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert all('environment="$environment"' in target["expr"] for target in panel["targets"])


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"monitoringPrometheusRule": True},
            "monitoringPrometheusRule: expected monitoring to be true",
        ),
        ({"monitoringRuleLabel": "release"}, "monitoringRuleLabel: expected a label such as"),
        ({"monitoringBytesLimit": -1}, "monitoringBytesLimit: expected a number from 0"),
        ({"monitoringForecastDays": 0}, "monitoringForecastDays: expected a number from 1"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(configure, values, sentence) -> None:
    configure(**DEV, **values)

    with pytest.raises(InputsError, match=re.escape(sentence)):
        load_settings(ENVIRON)


def test_only_what_an_environment_runs_has_alerts(storage) -> None:  # noqa: F811
    data = storage(**ON)[f"ConfigMap {PREFIX}-metrics"].inputs["data"]
    groups = {group["name"] for group in yaml.safe_load(data["rules.yaml"])["groups"]}

    assert not [name for name in groups if name.endswith(("-retention", "-backup"))]
    with_all = {group["name"] for group in rules(ARGS)["groups"]}
    assert len(with_all - groups) == 2


def test_the_page_of_the_alerts_is_made_of_todays_rules() -> None:
    assert page() == PAGE.read_text(), "run: python -m tools.alert_table"
    assert "@" not in page()
    assert "{{" not in page()
