"""Each alert fires and resolves under promtool, on the rules as an environment gets them."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from components.inputs.storage import CheckpointStorageArgs
from components.monitoring.files import rules
from tests.support.monitoring import ARGS, promtool

pytestmark = pytest.mark.lane
DAY = 24
# Every rule is evaluated so often; month-long cases would take a minute at a scrape's pace.
MINUTES = 30
A_DAY = DAY * 60 // MINUTES
TABLE = 'environment="dev",table="checkpoints"'
JOB = 'namespace="bizmatters",job_name="agent-executor-{}"'
CRON = 'namespace="bizmatters",cronjob="agent-executor-{}"'


def verdict(folder: Path, test: Mapping[str, Any], args: CheckpointStorageArgs = ARGS) -> str:
    """Return what promtool finds wrong with the expectations, nothing if they hold."""
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules(args)))
    document = {
        "rule_files": ["rules.yaml"],
        "evaluation_interval": test["interval"],
        "tests": [test],
    }
    (folder / "test.yaml").write_text(yaml.safe_dump(document))
    done = promtool("test", "rules", folder / "test.yaml")
    return done.stdout + done.stderr if done.returncode else ""


def series(name: str, labels: str, values: str) -> dict[str, str]:
    return {"series": f"{name}{{{labels}}}", "values": values}


def steps(*spans: tuple[int, float | str]) -> str:
    """Return the values of hours one after another: so many hours, and the value or nothing."""
    each = {hours: hours * 60 // MINUTES - 1 for hours, _ in spans}
    return " ".join(
        f"_x{each[hours] + 1}" if value == "_" else f"{value}x{each[hours]}"
        for hours, value in spans
    )


def job(kind: str, failed: str) -> list[dict[str, str]]:
    return [series("kube_job_failed", JOB.format(kind) + ',condition="true"', failed)]


def scheduled(kind: str, succeeded: str, created: str = "0x2000") -> list[dict[str, str]]:
    return [
        series("kube_cronjob_created", CRON.format(kind), created),
        series("kube_cronjob_status_last_successful_time", CRON.format(kind), succeeded),
    ]


def failed_run(kind: str) -> list[dict[str, str]]:
    """Return the first hours of a CronJob: good at 1 h, a run of 2 h fails, good again at 6 h."""
    return [
        *scheduled(kind, steps((1, "_"), (5, 3600), (4, 6 * 3600))),
        *job(f"{kind}-29", steps((2, 0), (8, 1))),
        series("kube_job_status_start_time", JOB.format(f"{kind}-29"), steps((10, 7200))),
    ]


PRESENT = (
    ("langgraph_checkpoint_table_bytes", TABLE),
    ("langgraph_checkpoint_sampled_ids", 'environment="dev"'),
    ("langgraph_checkpoint_schema_version", 'environment="dev"'),
)


def without(missing: str) -> list[dict[str, str]]:
    """Return all that the exporter gives; one of it is away from the second to the fourth hour."""
    gap = steps((2, 9), (2, "_"), (4, 9))
    return [
        series(name, labels, gap if name == missing else steps((8, 9))) for name, labels in PRESENT
    ]


def table(metric: str, values: str) -> dict[str, str]:
    return series(f"langgraph_checkpoint_table_{metric}", TABLE, values)


# Alert, its series, the hour in which it fires, and the one in which it no longer does.
CASES: dict[str, tuple[str, list[dict[str, str]], float, float]] = {
    "nine tenths of the limit are taken": (
        "CheckpointLimitNear",
        [table("bytes", steps((2, 80_000), (2, 90_001), (2, 80_000)))],
        3, 5,
    ),
    "the limit comes near": (
        "CheckpointLimitForecast",
        # From 60,000 on at 2,000 a day; then most of it is deleted and growth ends.
        [table("bytes", f"60000+{2000 / A_DAY}x{7 * A_DAY} {steps((7 * DAY + 48, 10_000))}")],
        7 * DAY - 1, 9 * DAY,
    ),
    "the exporter is away": ("CheckpointMetricsMissing", without(PRESENT[0][0]), 3, 7),
    "the ids may not be read": ("CheckpointMetricsMissing", without(PRESENT[1][0]), 3, 7),
    "the version may not be read": ("CheckpointMetricsMissing", without(PRESENT[2][0]), 3, 7),
    "dead rows": (
        "CheckpointDeadRows",
        [table("rows", "40000x200"), table("dead_rows", steps((6, 20_000), (6, 10_001)))],
        5, 7,
    ),
    "59 dead pieces of large values": (
        "CheckpointDeadRows",
        [table("toast_rows", "40000x200"), table("toast_dead_rows", steps((6, 20_000), (6, 0)))],
        5, 7,
    ),
    "the schema is behind": (
        "CheckpointSchemaBehind",
        [series(PRESENT[2][0], 'environment="dev"', steps((2, 8), (2, 9)))],
        1, 3,
    ),
    "an index is invalid": (
        "CheckpointIndexInvalid",
        [table("invalid_indexes", steps((1, 0), (2, 1), (2, 0)))],
        2, 4,
    ),
    "the migration failed": (
        "CheckpointSchemaJobFailed", job("migration-001", steps((1, 0), (2, 1), (2, 0))), 2, 4,
    ),
    "the verification failed": (
        "CheckpointSchemaJobFailed", job("verification-001", steps((1, 0), (2, 1), (2, 0))), 2, 4,
    ),
    "the verification is old": (
        "CheckpointVerificationOld",
        # The Job is gone after an hour; another one comes after four days.
        [series("kube_job_status_completion_time", JOB.format("verification-001"),
                steps((1, 0), (4 * DAY, "_"), (5, 4 * DAY * 3600)))],
        4 * DAY, 4 * DAY + 3,
    ),
    "no verification was ever seen": (
        "CheckpointVerificationOld",
        [series("kube_job_status_completion_time", JOB.format("verification-001"),
                steps((3, "_"), (3, 3 * 3600)))],
        2, 5,
    ),
    "retention failed": ("CheckpointRetentionFailed", failed_run("retention"), 3, 7),
    "the backup failed": ("CheckpointBackupFailed", failed_run("backup"), 3, 7),
    "the first backup failed": (
        "CheckpointBackupFailed",
        [*scheduled("backup", steps((6, "_"), (4, 6 * 3600))), *failed_run("backup")[2:]],
        3, 7,
    ),
    "retention is old": (
        "CheckpointRetentionOld", scheduled("retention", steps((30, 0), (4, 30 * 3600))), 29, 31,
    ),
    "the backup is old": (
        "CheckpointBackupOld", scheduled("backup", steps((30, 0), (4, 30 * 3600))), 29, 31,
    ),
    "no backup ever succeeded": (
        "CheckpointBackupOld", scheduled("backup", steps((30, "_"), (4, 30 * 3600))), 29, 31,
    ),
    "the backup's CronJob is gone": (
        "CheckpointBackupOld",
        scheduled("backup", "0x200", created=steps((1, 0), (2, "_"), (2, 0))),
        2, 4,
    ),
}  # fmt: skip


def firing(alert: str, hour: float, count: int) -> dict[str, Any]:
    return {
        "expr": f'count(ALERTS{{alertname="{alert}",alertstate="firing"}}) or vector(0)',
        "eval_time": f"{round(hour * 60)}m",
        "exp_samples": [{"labels": "{}", "value": count}],
    }


@pytest.mark.parametrize("case", CASES)
def test_an_alert_fires_and_resolves_when(case: str, tmp_path: Path) -> None:
    alert, given, fires, resolves = CASES[case]
    test = {
        "interval": f"{MINUTES}m",
        "input_series": given,
        "promql_expr_test": [firing(alert, fires, 1), firing(alert, resolves, 0)],
    }

    assert verdict(tmp_path, test) == ""


def test_the_time_of_a_verification_outlives_its_job(tmp_path: Path) -> None:
    _, given, _, _ = CASES["the verification is old"]
    test = {
        "interval": f"{MINUTES}m",
        "input_series": given,
        "promql_expr_test": [firing("CheckpointVerificationOld", 3 * DAY - 1, 0)],
    }

    assert verdict(tmp_path, test) == ""


def alerts(args: CheckpointStorageArgs = ARGS) -> list[dict[str, Any]]:
    found = [rule for group in rules(args)["groups"] for rule in group["rules"]]
    return [rule for rule in found if "alert" in rule]


def test_each_alert_is_tested_and_says_what_to_do() -> None:
    assert {rule["alert"] for rule in alerts()} == {alert for alert, *_ in CASES.values()}
    for rule in alerts():
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert list(rule["annotations"]) == [
            "summary", "condition", "impact", "command", "description",
        ]  # fmt: skip


def test_an_alert_of_another_environment_stays_its_own(tmp_path: Path) -> None:
    theirs = [
        {key: text.replace('"dev"', '"prod"').replace("bizmatters", "theirs")
         for key, text in given.items()}
        for _, all_given, *_ in CASES.values() for given in all_given
    ]  # fmt: skip
    unique = {given["series"]: given for given in theirs}
    quiet = {alert for alert, *_ in CASES.values() if not alert.endswith(("Old", "Missing"))}
    test = {
        "interval": f"{MINUTES}m",
        "input_series": list(unique.values()),
        "promql_expr_test": [firing(alert, 3, 0) for alert in sorted(quiet)],
    }

    assert verdict(tmp_path, test) == ""


def test_the_words_of_an_alert_name_environment_and_value(tmp_path: Path) -> None:
    test = {
        "interval": f"{MINUTES}m",
        "input_series": CASES["the schema is behind"][1],
        "alert_rule_test": [
            {
                "eval_time": "1h",
                "alertname": "CheckpointSchemaBehind",
                "exp_alerts": [
                    {
                        "exp_labels": {"environment": "dev", "severity": "critical"},
                        "exp_annotations": {
                            "summary": "The checkpoint schema of dev is at version 8.",
                            "condition": "For 15 minutes, the schema's version has been below 9.",
                            "impact": "An application that needs the newer version does not "
                            "start, or its runs fail.",
                            "command": 'psql -X -d "langgraph" -c '
                            """'SELECT max(v) FROM "public".checkpoint_migrations'""",
                            "description": "Run pulumi up --replace '**-migration-job' for this "
                            "environment.",
                        },
                    }
                ],
            }
        ],
    }

    assert verdict(tmp_path, test) == ""


Load = Callable[[float], float]


def wave(hour: float) -> float:
    """Return the part of a day's load that comes in this hour: nights are quiet."""
    return 1 + 0.8 * math.sin(hour / DAY * 2 * math.pi)


# What comes in an hour of a day that counts from 0.
SHAPES: dict[str, Load] = {
    "constant": lambda day: 100,
    "growing by a tenth of the first day, daily": lambda day: 100 + 10 * day,
    "five days a week, from a Monday": lambda day: 30 if day % 7 >= 5 else 100,
    "five days a week, from a Saturday": lambda day: 30 if (day + 5) % 7 >= 5 else 100,
    "weekends above all": lambda day: 100 if (day + 2) % 7 >= 5 else 30,
    "a burst of five days' load on the fourth": lambda day: 500 if day == 3 else 100,
    "a burst of half a day's load on the sixth": lambda day: 150 if day == 5 else 100,
}


def bytes_of(load: Load, days: int, start: int = 50_000) -> list[int]:
    """Return the table's bytes at each hour."""
    total, found = float(start), [start]
    for hour in range(days * DAY):
        total += load(hour // DAY) * wave(hour)
        found.append(round(total))
    return found


def holds(expression: str, eval_time: str) -> dict[str, Any]:
    return {
        "expr": f"count({expression}) or vector(0)",
        "eval_time": eval_time,
        "exp_samples": [{"labels": "{}", "value": 1}],
    }


@pytest.mark.parametrize("shape", SHAPES)
def test_the_forecast_of_day_30_made_on_day_7_is_within_a_tenth(shape: str, tmp_path: Path) -> None:
    truth = bytes_of(SHAPES[shape], 30)
    grown, limit = truth[-1] - truth[7 * DAY], truth[-1]
    forecast = f"langgraph_checkpoint:bytes:forecast - {truth[7 * DAY]}"
    days = "(langgraph_checkpoint:limit_reached_timestamp_seconds - time()) / 86400"
    test = {
        "interval": "1h",
        "input_series": [table("bytes", " ".join(map(str, truth[: 7 * DAY + 1])))],
        # Of the growth that is to come, which is stricter than of the bytes.
        "promql_expr_test": [
            holds(f"abs({forecast} - {grown}) < {0.1 * grown}", "7d"),
            holds(f"abs({days} - 23) < 2.3", "7d"),
        ],
    }

    assert verdict(tmp_path, test, replace(ARGS, monitoring_bytes_limit=limit)) == ""


def test_without_a_limit_nothing_is_forecast_to_reach_it(tmp_path: Path) -> None:
    test = {
        "interval": "1h",
        "input_series": [table("bytes", f"0+1000x{8 * DAY}")],
        "promql_expr_test": [
            firing("CheckpointLimitNear", 7 * DAY, 0),
            firing("CheckpointLimitForecast", 7 * DAY, 0),
            holds("langgraph_checkpoint:bytes:forecast", "7d"),
        ],
    }

    assert verdict(tmp_path, test, replace(ARGS, monitoring_bytes_limit=0)) == ""


def test_a_shrinking_table_reaches_no_limit(tmp_path: Path) -> None:
    test = {
        "interval": "1h",
        "input_series": [table("bytes", f"90000-100x{8 * DAY}")],
        "promql_expr_test": [
            {"expr": "langgraph_checkpoint:limit_reached_timestamp_seconds", "eval_time": "7d"}
        ],
    }

    assert verdict(tmp_path, test) == ""


@pytest.mark.parametrize(
    ("kind", "args"),
    [
        ("Retention", replace(ARGS, retention_schedule="")),
        ("Backup", replace(ARGS, backup_schedule="")),
    ],
)
def test_what_an_environment_does_not_run_has_no_alerts(
    kind: str, args: CheckpointStorageArgs
) -> None:
    names = [rule["alert"] for rule in alerts(args)]

    assert len(names) == len(alerts()) - 2
    assert not [name for name in names if kind in name]
