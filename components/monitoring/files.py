"""What monitoring gets: the files of this folder, filled in, and their manifests."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ..inputs.storage import CheckpointStorageArgs
from ..kubernetes.manifests import PART_OF
from ..ownership.annotations import owned_by
from ..schema.files import load_migrations, schema_version

FILES = Path(__file__).parent
PLACE = re.compile("@([A-Z_]+)@")


def collector(args: CheckpointStorageArgs) -> str:
    """Return the collector file for sql_exporter."""
    return _filled("collector.yaml", args)


def cloudnative_pg(args: CheckpointStorageArgs) -> str:
    """Return the same queries as CloudNativePG's exporter takes them."""
    return _filled("cloudnative-pg.yaml", args)


def dashboard() -> str:
    """Return Grafana's dashboard; a number that stands in quotes there becomes one."""
    version = str(schema_version(load_migrations()))
    text = (FILES / "dashboard.json").read_text()
    return re.sub('"@SCHEMA_VERSION@"|@SCHEMA_VERSION@', version, text)


def rules(args: CheckpointStorageArgs) -> dict[str, Any]:
    """Return Prometheus' rules, without the groups of what this environment does not run."""
    document = yaml.safe_load(_filled("rules.yaml", args))
    runs = {
        "langgraph-checkpoint-retention": bool(args.retention_schedule),
        "langgraph-checkpoint-backup": bool(args.backup_schedule),
    }
    return {"groups": [it for it in document["groups"] if runs.get(it["name"], True)]}


def config_maps(args: CheckpointStorageArgs) -> dict[str, dict[str, Any]]:
    """Return the manifests of the ConfigMaps by what they are for."""
    files = {
        "langgraph_checkpoint.collector.yml": collector(args),
        "rules.yaml": yaml.safe_dump(rules(args), sort_keys=False, width=100),
    }
    queries = {"queries": cloudnative_pg(args)}
    return {
        "metrics": _config_map(args, "metrics", files, {}),
        # CloudNativePG reads a ConfigMap again only with this label.
        "cloudnative-pg": _config_map(args, "cloudnative-pg", queries, {"cnpg.io/reload": ""}),
        "dashboard": _config_map(
            args,
            "dashboard",
            {"langgraph-checkpoints.json": dashboard()},
            {"grafana_dashboard": "1"},
        ),
    }


def prometheus_rule(args: CheckpointStorageArgs) -> dict[str, Any]:
    """Return the manifest of the PrometheusRule."""
    key, _, value = args.monitoring_rule_label.partition("=")
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": _metadata(args, "rules", {key: value} if key else {}),
        "spec": rules(args),
    }


def _config_map(
    args: CheckpointStorageArgs, suffix: str, files: Mapping[str, str], labels: Mapping[str, str]
) -> dict[str, Any]:
    # Neither immutable nor named by its content: others mount it, and reload it as it changes.
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _metadata(args, suffix, labels),
        "data": dict(files),
    }


def _metadata(
    args: CheckpointStorageArgs, suffix: str, labels: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "name": f"{args.name}-{suffix}",
        "namespace": args.namespace,
        "labels": {"app.kubernetes.io/part-of": PART_OF, **labels},
        "annotations": owned_by(args.environment),
    }


def _filled(file: str, args: CheckpointStorageArgs) -> str:
    """Put the environment's values into a file's places."""
    schema = args.database_schema
    values = {
        "ENVIRONMENT": args.environment,
        "NAMESPACE": args.namespace,
        "NAME": args.name,
        # JSON's strings are YAML's.
        "DATABASE": json.dumps(args.database_name),
        "SCHEMA": '"' + schema.replace('"', '""') + '"',
        "SCHEMA_TEXT": "'" + schema.replace("'", "''") + "'",
        "SCHEMA_VERSION": str(schema_version(load_migrations())),
        "BYTES_LIMIT": str(args.monitoring_bytes_limit),
        "FORECAST_DAYS": str(args.monitoring_forecast_days),
        "VERIFICATION_DAYS": str(args.monitoring_verification_days),
        "RETENTION_HOURS": str(args.monitoring_retention_hours),
        "BACKUP_HOURS": str(args.monitoring_backup_hours),
    }
    return PLACE.sub(lambda place: values[place[1]], (FILES / file).read_text())
