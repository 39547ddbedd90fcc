import pytest
import yaml

from components.backup.manifests import FILES, HERE
from components.inputs.checks import InputsError
from components.jobs.template import KINDS
from components.settings.settings import load as load_settings
from tests.unit.test_checkpoint_storage import DEV, ENVIRON, storage  # noqa: F401
from tests.unit.test_manifests import STRICT_CONTAINER, STRICT_POD

CRON, DRILL = "CronJob checkpoints-backup-cron", "CronJob checkpoints-backup-drill"
CLAIM = "PersistentVolumeClaim checkpoints-backup-claim"
BACKUP = {
    **DEV,
    "manageNamespace": False,
    "backupSchedule": "30 2 * * *",
    "backupClaim": "dumps",
}
EVERYTHING = {**BACKUP, "backupClaimSize": "20Gi", "restoreDrillSchedule": "0 4 * * 0"}
# What differs from the migration Job's pod, which tests/unit/test_manifests.py shows.
GOLDEN = """
schedule: 30 2 * * *
concurrencyPolicy: Forbid
startingDeadlineSeconds: 3600
backoffLimit: 3
activeDeadlineSeconds: 3600
args: [sh, /migrations/backup.sh]
environment:
  BACKUP_CLAIM: bizmatters/dumps
  BACKUP_DIR: /backup/scheduled
  BACKUP_KEEP_DAYS: '14'
  BACKUP_NAME: dev
  BACKUP_PURPOSE: schedule
memory: 1Gi
mount: {name: backup, mountPath: /backup}
volume: {name: backup, persistentVolumeClaim: {claimName: dumps}}
"""
GOLDEN_CLAIM = """
metadata:
  name: dumps
  namespace: bizmatters
  labels: {app.kubernetes.io/part-of: langgraph-checkpoint}
  annotations:
    langgraph-checkpoint/environment: dev
    pulumi.com/patchForce: 'true'
    pulumi.com/skipAwait: 'true'
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 20Gi}}
"""

BUCKET = {
    **DEV,
    "backupSchedule": "30 2 * * *",
    "restoreDrillSchedule": "0 4 * * 0",
    "backupBucket": "dumps/prod",
    "backupBucketEndpoint": "https://s3.example.com:9000",
}


def pod(resource):
    return resource.inputs["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def names(resources) -> set[str]:
    return {name for name in resources if "checkpoints-backup" in name}


def test_without_a_schedule_there_is_no_backup(storage) -> None:  # noqa: F811
    assert names(storage(**DEV)) == set()


def test_the_backup_is_the_golden_one(storage) -> None:  # noqa: F811
    spec = storage(**BACKUP)[CRON].inputs["spec"]
    job = spec["jobTemplate"]["spec"]
    (container,) = job["template"]["spec"]["containers"]
    environment = {entry["name"]: entry["value"] for entry in container["env"]}
    found = {
        **{key: spec[key] for key in ("schedule", "concurrencyPolicy", "startingDeadlineSeconds")},
        **{key: job[key] for key in ("backoffLimit", "activeDeadlineSeconds")},
        "args": container["args"],
        "environment": {k: v for k, v in environment.items() if k.startswith("BACKUP_")},
        "memory": container["resources"]["limits"]["memory"],
        "mount": container["volumeMounts"][-1],
        "volume": job["template"]["spec"]["volumes"][-1],
    }

    assert found == yaml.safe_load(GOLDEN)


def test_the_drill_reads_the_volume_and_writes_nowhere(storage) -> None:  # noqa: F811
    (container,) = pod(storage(**EVERYTHING)[DRILL])["containers"]

    assert container["args"] == ["sh", "/migrations/restore_drill.sh"]
    assert container["volumeMounts"][-1] == {
        "name": "backup",
        "mountPath": "/backup",
        "readOnly": True,
    }


@pytest.mark.parametrize("form", [EVERYTHING, BUCKET], ids=["claim", "bucket"])
@pytest.mark.parametrize("kind", [CRON, DRILL])
def test_the_pods_are_as_confined_as_the_jobs(storage, kind: str, form) -> None:  # noqa: F811
    resource = storage(**form)[kind]
    labels = resource.inputs["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"]

    assert pod(resource)["securityContext"] == STRICT_POD
    for container in [*pod(resource)["initContainers"], *pod(resource)["containers"]]:
        assert container["securityContext"] == STRICT_CONTAINER
    # The NetworkPolicy selects them by it.
    assert labels["app.kubernetes.io/name"].removeprefix("agent-executor-") in KINDS


def test_they_mount_what_they_run_and_nothing_that_migrates(storage) -> None:  # noqa: F811
    resources = storage(**EVERYTHING)
    files = resources["ConfigMap checkpoints-backup-files"].inputs
    (container,) = pod(resources[CRON])["containers"]
    sums = next(e["value"] for e in container["env"] if e["name"] == "FILES_SHA256")

    assert {"backup.sh", "vault-init.sh", "vault-agent.hcl", *FILES} <= files["data"].keys()
    assert {"session.sql", "layout_9.sql", "rights.sql"} <= files["data"].keys()
    assert not [n for n in files["data"] if n.endswith((".up.sql", ".down.sql")) or n == "mark.sql"]
    assert {line[66:] for line in sums.split("\n")} == files["data"].keys()
    assert pod(resources[CRON])["volumes"][2]["configMap"]["name"] == files["metadata"]["name"]


def test_every_file_of_the_drill_is_there() -> None:
    assert all((HERE / name).is_file() for name in FILES)


def test_the_claim_is_made_where_it_has_a_size_and_outlives_the_environment(
    storage,  # noqa: F811
) -> None:
    assert CLAIM not in storage(**BACKUP)
    claim = storage(**EVERYTHING)[CLAIM].inputs

    assert {key: claim[key] for key in ("metadata", "spec")} == yaml.safe_load(GOLDEN_CLAIM)


def containers(resource) -> dict[str, set[str]]:
    """Return each container's mounts, in the order in which they run."""
    spec = pod(resource)
    return {
        container["name"]: {mount["name"] for mount in container["volumeMounts"]}
        for container in [*spec["initContainers"], *spec["containers"]]
    }


def test_of_a_bucket_rclone_gets_the_key_and_not_the_credential(storage) -> None:  # noqa: F811
    resources = storage(**BUCKET)

    assert containers(resources[CRON]) == {
        "vault-init": {"files", "credentials", "token", "bucket"},
        "dump": {"files", "credentials", "tmp", "dump"},
        "upload": {"files", "tmp", "bucket", "dump"},
    }
    assert list(containers(resources[DRILL])) == ["vault-init", "download", "restore"]


def test_the_key_of_a_bucket_stands_in_no_manifest(storage) -> None:  # noqa: F811
    (upload,) = pod(storage(**BUCKET)[CRON])["containers"]
    environment = {e["name"]: e["value"] for e in upload["env"]}

    assert {k: v for k, v in environment.items() if k.startswith(("RCLONE", "BACKUP"))} == {
        "BACKUP_BUCKET": "dumps/prod",
        "BACKUP_DIR": "/backup",
        "BACKUP_KEEP_DAYS": "14",
        "BACKUP_NAME": "dev",
        "BACKUP_REPORT": "/backup/report",
        "RCLONE_CONFIG": "/vault/bucket/rclone.conf",
        "RCLONE_S3_ENDPOINT": "https://s3.example.com:9000",
        "RCLONE_S3_PROVIDER": "Other",
    }


def test_only_the_backups_pods_may_read_the_key(storage) -> None:  # noqa: F811
    resources = storage(**BUCKET)
    role = resources["AuthBackendRole checkpoints-backup-access-role"].inputs
    jobs = resources["AuthBackendRole checkpoints-access-role"].inputs
    policy = resources["Policy checkpoints-backup-access-policy"].inputs["policy"]
    agent = resources["ConfigMap checkpoints-backup-files"].inputs["data"]["vault-agent.hcl"]

    assert role["boundServiceAccountNames"] == ["agent-executor-backup"]
    assert role["tokenPolicies"] == ["agent-executor-backup", "agent-executor"]
    assert jobs["tokenPolicies"] == ["agent-executor"]
    assert '"kv/data/bizmatters/agent-executor/postgres-backup"' in policy
    assert 'role       = "agent-executor-backup"' in agent
    for kind in (CRON, DRILL):
        assert pod(resources[kind])["serviceAccountName"] == "agent-executor-backup"
    assert not [name for name in resources if name.startswith("PersistentVolumeClaim")]


def test_the_policy_lets_the_pods_read_the_key_beside_the_secret(storage) -> None:  # noqa: F811
    resources = storage(**BUCKET, vaultKvMount="keys", vaultSecretPath="shared/postgres")
    policy = resources["Policy checkpoints-backup-access-policy"].inputs["policy"]
    agent = resources["ConfigMap checkpoints-backup-files"].inputs["data"]["vault-agent.hcl"]

    assert 'path "keys/data/shared/postgres-backup"' in policy
    assert 'secret \\"keys/data/shared/postgres-backup\\"' in agent
    assert 'secret \\"keys/data/shared/postgres\\"' in agent


def test_a_policy_of_their_own_opens_the_way_to_the_bucket(storage) -> None:  # noqa: F811
    spec = storage(**BUCKET)["NetworkPolicy checkpoints-backup-network"].inputs["spec"]

    assert spec["egress"] == [{"ports": [{"protocol": "TCP", "port": 9000}]}]
    assert spec["podSelector"]["matchExpressions"][0]["values"] == [
        "agent-executor-backup",
        "agent-executor-restore-drill",
    ]
    assert not names(storage(**BUCKET, manageNetworkPolicy=False)) & {
        "NetworkPolicy checkpoints-backup-network"
    }


def test_only_a_drill_lets_the_migrator_create_databases(storage) -> None:  # noqa: F811
    role = "Role checkpoints-database-migrator"

    assert not storage(**BACKUP)[role].inputs.get("createDatabase")
    assert storage(**EVERYTHING)[role].inputs["createDatabase"] is True
    assert not storage(**EVERYTHING)["Role checkpoints-database-application"].inputs.get(
        "createDatabase"
    )


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"backupSchedule": "daily"}, "backupSchedule: expected five fields of cron"),
        ({"backupSchedule": "30 2 * *"}, "backupSchedule: expected five fields of cron"),
        ({"restoreDrillSchedule": "x"}, "restoreDrillSchedule: expected five fields"),
        ({"backupSchedule": "", "restoreDrillSchedule": "0 4 * * 0"}, "a drill needs a dump"),
        ({"backupClaim": ""}, "backupClaim, backupBucket: expected one of them"),
        ({"backupBucket": "dumps"}, "expected one of them for backupSchedule, found both"),
        ({"backupBucket": "A"}, "backupBucket: expected a bucket's name"),
        ({"backupBucketEndpoint": "http://s3"}, "backupBucketEndpoint: expected a URL"),
        ({"backupBucketRegion": "a b"}, "backupBucketRegion: expected a name"),
        ({"backupBucketCaCertFile": "/none"}, "backupBucketCaCertFile: expected a PEM file"),
        ({"rcloneImage": "-x"}, "rcloneImage: expected an image"),
        ({"backupClaim": "Dumps"}, "backupClaim: expected the name of a PersistentVolumeClaim"),
        ({"manageNamespace": True}, "backupClaim: expected manageNamespace to be false"),
        ({"backupClaimSize": "20"}, "backupClaimSize: expected a size such as 20Gi"),
        ({"backupMemory": "1"}, "backupMemory: expected a size such as 1Gi"),
        ({"backupKeepDays": 0}, "backupKeepDays: expected a number from 1"),
        ({"backupTimeoutSeconds": 5}, "backupTimeoutSeconds: expected a number from 60"),
        ({"name": "a" * 39}, "name: expected at most 38 characters"),
    ],
)
def test_a_wrong_setting_is_named(configure, wrong, sentence: str) -> None:
    configure(**{**BACKUP, **wrong})

    with pytest.raises(InputsError, match="problem") as refused:
        load_settings({"PGHOST": "10.0.0.1", "VAULT_ADDR": "https://10.0.0.1:8200"})

    assert sentence in str(refused.value)
