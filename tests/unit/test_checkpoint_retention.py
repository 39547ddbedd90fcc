import re

import pytest
import yaml

from components.inputs.checks import InputsError
from components.jobs.template import KINDS
from components.retention.checkpoint_retention import HERE
from components.settings.settings import load as load_settings
from devstack.layout import ROOT
from tests.unit.test_checkpoint_storage import DEV, ENVIRON, storage  # noqa: F401
from tests.unit.test_manifests import STRICT_CONTAINER, STRICT_POD

CRON, FILES = "CronJob checkpoints-retention-cron", "ConfigMap checkpoints-retention-files"
RETENTION = {
    **DEV,
    "retentionSchedule": "30 3 * * *",
    "retentionKeepLatestAfterDays": 30,
    "retentionDeleteThreadsAfterDays": 365,
}
# What differs from the migration Job's pod, which tests/unit/test_manifests.py shows.
GOLDEN = """
schedule: 30 3 * * *
concurrencyPolicy: Forbid
startingDeadlineSeconds: 3600
backoffLimit: 3
activeDeadlineSeconds: 3600
args: [sh, /migrations/retention.sh]
environment:
  DEADLINE_SECONDS: '2990'
  DELETE_ORPHANS: 'false'
  DELETE_THREADS_AFTER_DAYS: '365'
  DRY_RUN: 'false'
  KEEP_LATEST_AFTER_DAYS: '30'
"""


def job(resources):
    return resources[CRON].inputs["spec"]["jobTemplate"]["spec"]


def names(resources) -> set[str]:
    return {name for name in resources if "retention" in name}


def test_without_a_schedule_nothing_is_deleted(storage) -> None:  # noqa: F811
    assert names(storage(**DEV)) == set()


def test_the_retention_is_the_golden_one(storage) -> None:  # noqa: F811
    resources = storage(**RETENTION)
    spec, template = resources[CRON].inputs["spec"], job(resources)["template"]
    (container,) = template["spec"]["containers"]
    environment = {entry["name"]: entry["value"] for entry in container["env"]}
    golden = yaml.safe_load(GOLDEN)
    found = {
        **{key: spec[key] for key in ("schedule", "concurrencyPolicy", "startingDeadlineSeconds")},
        **{key: job(resources)[key] for key in ("backoffLimit", "activeDeadlineSeconds")},
        "args": container["args"],
        "environment": {key: environment[key] for key in golden["environment"]},
    }

    assert names(resources) == {CRON, FILES, "CheckpointRetention checkpoints-retention"}
    assert found == golden


def test_the_pod_is_as_confined_as_the_jobs(storage) -> None:  # noqa: F811
    template = job(storage(**RETENTION))["template"]
    pod, labels = template["spec"], template["metadata"]["labels"]

    assert pod["securityContext"] == STRICT_POD
    for container in [*pod["initContainers"], *pod["containers"]]:
        assert container["securityContext"] == STRICT_CONTAINER
    # The NetworkPolicy selects it by this label.
    assert labels["app.kubernetes.io/name"].removeprefix("agent-executor-") in KINDS


def test_the_pod_mounts_its_own_files_and_the_migration_none_of_them(storage) -> None:  # noqa: F811
    resources = storage(**RETENTION)
    own = {path.name for path in HERE.glob("retention*")}
    files = resources[FILES].inputs["data"]
    pod = job(resources)["template"]["spec"]

    assert set(files) == own | {"connection.sh", "vault-init.sh", "vault-agent.hcl"}
    assert {"retention.sh", "retention.sql"} < own
    assert not own & set(resources["ConfigMap checkpoints-migration-files"].inputs["data"])
    sums = {e["name"]: e["value"] for e in pod["containers"][0]["env"]}["FILES_SHA256"]
    assert {line[66:] for line in sums.splitlines()} == set(files)


def test_a_dry_run_the_orphans_and_the_time_are_passed_on(storage) -> None:  # noqa: F811
    form = {
        **RETENTION,
        "retentionDeleteOrphans": True,
        "retentionDryRun": True,
        "retentionTimeoutSeconds": 600,
    }
    found = job(storage(**form))
    (container,) = found["template"]["spec"]["containers"]
    environment = {entry["name"]: entry["value"] for entry in container["env"]}

    assert environment["DELETE_ORPHANS"] == "true"
    assert (environment["DRY_RUN"], found["activeDeadlineSeconds"]) == ("true", 600)


def test_the_documents_diagram_shows_each_step_of_the_loop() -> None:
    loop = (HERE / "retention_steps.sh").read_text()
    diagram = re.findall(
        r"^    (\S+) --> (\S+?)(?::|$)", (ROOT / "docs" / "retention.md").read_text(), re.M
    )
    named = set(re.findall(r"\b(?:step=|from_newest )'?([a-z]+)", loop))
    functions = set(re.findall(r"^([a-z_]+)\(\) \{", loop, re.M))

    assert {state for edge in diagram for state in edge} - {"[*]"} == named - {"done"}
    assert named - {"done"} <= functions


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"retentionSchedule": "nightly"}, "retentionSchedule: expected five fields of cron"),
        ({"retentionSchedule": ""}, "retentionSchedule: expected five fields of cron"),
        (
            {"retentionKeepLatestAfterDays": 0, "retentionDeleteThreadsAfterDays": 0},
            "retentionKeepLatestAfterDays, retentionDeleteThreadsAfterDays: expected days",
        ),
        (
            {"retentionDeleteThreadsAfterDays": 30},
            "retentionDeleteThreadsAfterDays: expected more than the 30 days",
        ),
        ({"retentionKeepLatestAfterDays": -1}, "retentionKeepLatestAfterDays: expected a number"),
        (
            {"retentionDeleteOrphans": True, "retentionKeepLatestAfterDays": 0},
            "retentionDeleteOrphans: expected retentionKeepLatestAfterDays too",
        ),
        ({"retentionTimeoutSeconds": 60}, "retentionTimeoutSeconds: expected a number from 180"),
        ({"name": "n" * 43}, "name: expected at most 42 characters with retentionSchedule"),
    ],
)
def test_wrong_settings_are_named(configure, changes, problem: str) -> None:
    configure(**{**RETENTION, **changes})

    with pytest.raises(InputsError) as refused:
        load_settings(ENVIRON)

    assert problem in str(refused.value)
