"""Inputs of monitoring."""

from typing import TypedDict


class MonitoringArgs(TypedDict):
    """Inputs of CheckpointMonitoring."""

    environment: str
    """Label of every metric, which tells environments of one Prometheus apart."""
    namespace: str
    """Kubernetes namespace of the Jobs and of all that is made here."""
    name: str
    """Prefix of the Jobs' names."""
    database: str
    """Name of the database, for CloudNativePG."""
    schema: str
    """Schema of the tables."""
    prometheus_rule: bool
    """Create a PrometheusRule; its CRD must exist."""
    rule_label: str
    """Label `key=value` by which Prometheus selects its rules; empty for none."""
    bytes_limit: int
    """Bytes that the tables may take; 0 for no limit."""
    forecast_days: int
    """Alert this many days before the limit is reached."""
    verification_days: int
    """Alert once the last verification is older."""
    retention_hours: int
    """Alert once the last good retention run is older; 0 where there is none."""
    backup_hours: int
    """Alert once the last good backup is older; 0 where there is none."""
