"""The monitoring programs, built once, and what the exporters' files are to be read like."""

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import yaml

from components.inputs.storage import CheckpointStorageArgs
from components.monitoring.files import cloudnative_pg, collector, rules
from devstack.toolchain import golang
from tests.support.postgres import PASSWORD, Database

GO = Path(__file__).with_name("go")
# What is asked stands in a file: the clients of all clouds would take most of the build.
TAGS = "remove_all_sd"
PROMTOOL = golang.Program(
    name="promtool",
    module=str(GO / "prometheus"),
    title="promtool",
    package="github.com/prometheus/prometheus/cmd/promtool",
    tags=TAGS,
)
PROMETHEUS = golang.Program(
    name="prometheus",
    module=str(GO / "prometheus"),
    title="Prometheus",
    package="github.com/prometheus/prometheus/cmd/prometheus",
    tags=TAGS,
)
CLOUDNATIVE_PG = golang.Program(
    name="cloudnative-pg",
    module=str(GO / "cloudnative-pg"),
    title="CloudNativePG's exporter",
)
# CloudNativePG connects as no other role.
CLOUDNATIVE_PG_ROLE = "cnpg_metrics_exporter"
ARGS = CheckpointStorageArgs(
    environment="dev",
    monitoring=True,
    monitoring_prometheus_rule=True,
    monitoring_bytes_limit=100_000,
    monitoring_forecast_days=23,
    monitoring_verification_days=3,
    retention_schedule="@daily",
    backup_schedule="@daily",
)
Samples = dict[tuple[str, ...], float]


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run promtool to its end."""
    program = golang.build(PROMTOOL, lambda _: None)
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


def queries(args: CheckpointStorageArgs = ARGS) -> dict[str, str]:
    """Return the collector's SQL by the names of its queries."""
    return {query["query_name"]: query["query"] for query in _document(args)["queries"]}


def annotations(args: CheckpointStorageArgs = ARGS) -> dict[str, dict[str, str]]:
    """Return what each alert says besides its labels."""
    found = [rule for group in rules(args)["groups"] for rule in group["rules"]]
    return {rule["alert"]: rule["annotations"] for rule in found if "alert" in rule}


def commands_of_alerts(args: CheckpointStorageArgs = ARGS) -> dict[str, str]:
    """Return the command that each alert tells to run first."""
    return {alert: texts["command"] for alert, texts in annotations(args).items()}


def collected(connection: psycopg.Connection[Any], args: CheckpointStorageArgs = ARGS) -> Samples:
    """Return what sql_exporter's format says of the collector: a stand-in, not sql_exporter.

    A row is one sample of each metric that refers to its query, but for a value that is NULL.
    """
    samples: Samples = {}
    for query in _document(args)["queries"]:
        cursor = connection.execute(query["query"].encode())
        columns = [column.name for column in cursor.description or ()]
        for row in cursor.fetchall():
            values = dict(zip(columns, row, strict=True))
            samples.update(_samples(query["query_name"], values, args))
    return samples


def _document(args: CheckpointStorageArgs) -> dict[str, Any]:
    return yaml.safe_load(collector(args))


def _samples(
    query: str, values: Mapping[str, Any], args: CheckpointStorageArgs
) -> Iterator[tuple[tuple[str, ...], float]]:
    for metric in _document(args)["metrics"]:
        (value,) = metric["values"]
        if metric["query_ref"] == query and values[value] is not None:
            labels = (str(values[label]) for label in metric["key_labels"])
            yield (metric["metric_name"], *labels), float(values[value])


def exported_by_cloudnative_pg(
    database: Database, folder: Path, args: CheckpointStorageArgs
) -> Samples:
    """Return what CloudNativePG's own exporter makes of the queries, names without `cnpg_`."""
    file = folder / "queries.yaml"
    file.write_text(cloudnative_pg(args))
    program = golang.build(CLOUDNATIVE_PG, lambda _: None)
    environ = database.server.env(database.name) | {"PGHOST": "127.0.0.1", "PGPASSWORD": PASSWORD}
    done = subprocess.run(
        [program, file, database.name], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return dict(_parsed(line) for line in done.stdout.splitlines() if "langgraph" in line[:20])


def _parsed(line: str) -> tuple[tuple[str, ...], float]:
    series, _, value = line.rpartition(" ")
    name, _, labels = series.removeprefix("cnpg_").partition("{")
    texts = [part.partition("=")[2].strip('"') for part in labels.rstrip("}").split(",")]
    return (name, *texts), float(value)
