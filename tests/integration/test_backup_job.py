"""Dumps and restore drills on the real cluster, from the CronJobs that `up` makes."""

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from devstack.toolchain import golang
from devstack.toolchain import programs as built
from tests.integration.conftest import DEV
from tests.maintenance.test_application import follow_document
from tests.support.database import application_credential, connect
from tests.support.deployment import Deployment, Outcome
from tests.support.documents import follow
from tests.support.monitoring import ARGS, annotations
from tests.support.s3_server import BUCKET, KEY, KEY_ID, s3_server
from tests.support.schedules import REFUSED, TAKEN

ROW = "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('t', 'c', '{}')"
NAME = "backup-job"
CLAIM = "dumps"
SECRET = "bizmatters/agent-executor/postgres"
JOBS_USER = 10001
CHANGED = ("VAULT_ADDR", "DEADLINE_SECONDS")
NAMESPACE = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {
        "name": NAME,
        "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
    },
}


def volume(folder: Path) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"{NAME}-dumps"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "20Gi"},
            "hostPath": {"path": str(folder)},
            "claimRef": {"name": CLAIM, "namespace": NAME},
            "persistentVolumeReclaimPolicy": "Retain",
        },
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("dumps")
    os.chown(made, JOBS_USER, JOBS_USER)
    return made


@pytest.fixture(scope="module")
def backed_up(
    deploy: Callable[..., Deployment], folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """Return an environment with scheduled dumps, in a namespace and on a volume of others."""
    deployment = deploy(NAME, **DEV | {"manageNamespace": False, "allowDataLoss": True})
    manifests = tmp_path_factory.mktemp("manifests") / "volume.yaml"
    manifests.write_text(yaml.safe_dump_all([NAMESPACE, volume(folder)]))
    deployment.run("kubectl", "apply", "-f", str(manifests)).expect()
    page(deployment, "on").expect()
    yield deployment
    deployment.run("kubectl", "delete", "--wait=false", "-f", str(manifests)).expect()


def page(deployment: Deployment, block: str, **variables: str) -> Outcome:
    return follow(deployment, "docs/backup.md", block, **variables)


def result(outcome: Outcome) -> str:
    """Return the sentence at the end of a log."""
    (sentence,) = re.findall("^==> result: (.*)$", outcome.expect().text, re.M)
    return sentence


def run_now(deployment: Deployment, kind: str, job: str) -> tuple[int, str]:
    """Start a CronJob's Job by hand; return what its last or failed container ended with."""
    kubectl = ("kubectl", "-n", NAME)
    source = f"--from=cronjob/agent-executor-{kind}"
    deployment.run(*kubectl, "create", "job", job, source).expect()
    # backoffLimit is 0: the first pod's end is the Job's, and what its last condition tells.
    ended = "--for=jsonpath={.status.conditions[-1].status}=True"
    deployment.run(*kubectl, "wait", f"job/{job}", ended, "--timeout=60s").expect()
    pods = deployment.run(
        *kubectl, "get", "pods", "-l", f"batch.kubernetes.io/job-name={job}", "-o", "json"
    ).expect()
    (pod,) = json.loads(pods.text)["items"]
    found = pod["status"]
    statuses = [*found.get("initContainerStatuses", []), *found["containerStatuses"]]
    ended_ones = [one["state"]["terminated"] for one in statuses if "terminated" in one["state"]]
    state = next((one for one in ended_ones if one["exitCode"]), ended_ones[-1])
    return state["exitCode"], state["message"].rstrip("\n")


def test_a_dump_lands_on_the_volume_and_the_drill_restores_it(
    backed_up: Deployment, folder: Path
) -> None:
    database = backed_up.settings["databaseName"]
    with connect(backed_up, database) as connection:
        connection.execute(ROW)

    sentence = result(page(backed_up, "now"))
    verdict = result(page(backed_up, "drill now"))

    (file,) = (folder / "scheduled").iterdir()
    assert sentence == (
        f"dumped 4 tables (11 rows, {file.stat().st_size} bytes) to {file.name} in "
        f"PersistentVolumeClaim {NAME}/{CLAIM}; removed 0 older than 14 days, 1 are there"
    )
    assert file.stat().st_uid == JOBS_USER
    assert verdict.startswith(f"restored {file.name}")
    assert "8 checks passed" in verdict
    with connect(backed_up, "postgres") as connection:
        left = "SELECT count(*) FROM pg_database WHERE datname LIKE 'restore%'"
        assert connection.execute(left).fetchone() == (0,)


def test_an_alerts_commands_show_the_backups_and_resume_a_suspended_one(
    backed_up: Deployment,
) -> None:
    texts = annotations(replace(ARGS, namespace=NAME))
    failed, old = texts["CheckpointBackupFailed"], texts["CheckpointBackupOld"]
    cron = ("kubectl", "-n", NAME, "patch", "cronjob/agent-executor-backup", "--patch")
    (cure,) = re.findall(r"kubectl patch .+\}'", old["description"])
    backed_up.run(*cron, '{"spec":{"suspend":true}}').expect()

    suspended = backed_up.run("sh", "-c", old["command"]).expect().text
    backed_up.run("sh", "-c", cure).expect()
    resumed = backed_up.run("sh", "-c", old["command"]).expect().text

    assert ("True" in suspended, "True" in resumed) == (True, False)
    assert "job.batch/backup-now" in resumed
    assert "result: dumped " in backed_up.run("sh", "-c", failed["command"]).expect().text


def test_the_documented_log_has_the_sentence_of_an_init_container_that_failed(
    backed_up: Deployment,
) -> None:
    cron, container = "cronjob/agent-executor-backup", ("-c", "vault-init")
    kubectl = ("kubectl", "-n", NAME)
    made = json.loads(backed_up.run(*kubectl, "get", cron, "-o", "json").expect().text)
    (init,) = made["spec"]["jobTemplate"]["spec"]["template"]["spec"]["initContainers"]
    before = [f"{e['name']}={e['value']}" for e in init["env"] if e["name"] in CHANGED]
    changed = ("VAULT_ADDR=https://127.0.0.1:1", "DEADLINE_SECONDS=1")
    backed_up.run(*kubectl, "set", "env", cron, *container, *changed).expect()

    log = page(backed_up, "now")
    backed_up.run(*kubectl, "set", "env", cron, *container, *before).expect()

    assert "vaultAddressInCluster" in log.text, log.text


@pytest.mark.parametrize(
    ("schedules", "taken"), [(TAKEN, True), (REFUSED, False)], ids=["taken", "refused"]
)
def test_the_api_server_takes_the_schedules_that_the_settings_take(
    backed_up: Deployment, schedules: tuple[str, ...], taken: bool
) -> None:
    kubectl = ("kubectl", "-n", NAME, "create", "cronjob", "c", "--image=i", "--dry-run=server")

    answers = [backed_up.run(*kubectl, f"--schedule={schedule}") for schedule in schedules]

    assert [one.text for one in answers if (one.status == 0) is not taken] == []


def test_a_dump_is_fetched_from_the_volume_and_its_rows_go_back(
    backed_up: Deployment, folder: Path
) -> None:
    database = backed_up.settings["databaseName"]
    (file,) = (folder / "scheduled").iterdir()
    with connect(backed_up, database) as connection:
        connection.execute("UPDATE checkpoints SET thread_id = 'another'")

    listed = page(backed_up, "reader", CLAIM=CLAIM).expect()
    page(backed_up, "fetch", DUMP=file.name).expect()
    page(backed_up, "restore", DUMP=file.name, DATABASE=database).expect()

    assert file.name in listed.text
    assert (backed_up.folder / file.name).read_bytes() == file.read_bytes()
    with connect(backed_up, database) as connection:
        assert connection.execute("SELECT thread_id FROM checkpoints").fetchall() == [("t",)]


def test_a_volume_that_cannot_be_written_to_is_a_failed_job_with_a_sentence(
    backed_up: Deployment, folder: Path
) -> None:
    os.chown(folder / "scheduled", 0, 0)
    status, sentence = run_now(backed_up, "backup", "dump-2")
    os.chown(folder / "scheduled", JOBS_USER, JOBS_USER)

    assert status == 10
    assert (
        f"no dump was made in PersistentVolumeClaim {NAME}/{CLAIM}: expected a folder" in sentence
    )


def test_the_documents_examples_run_with_the_outputs_and_the_credential_from_vault(
    backed_up: Deployment,
) -> None:
    connection = json.loads(follow(backed_up, "docs/application.md", "connection").expect().text)
    secret, ca_file = application_credential(backed_up), backed_up.environ["PGSSLROOTCERT"]

    states = follow_document((connection, secret, ca_file))

    assert [state["steps"] for state in states] == [["done"], ["done", "done"]]


def test_the_claim_and_its_dumps_outlive_the_environment_and_serve_the_next(
    backed_up: Deployment, folder: Path
) -> None:
    backed_up.up("--expect-no-changes").expect()
    backed_up.destroy().expect()
    phase = backed_up.run(
        *("kubectl", "-n", NAME, "get", "pvc", CLAIM, "-o", "jsonpath={.status.phase}")
    ).expect()
    left = len(list((folder / "scheduled").iterdir()))
    backed_up.up().expect()

    assert (phase.text, left) == ("Bound", 1)
    status, sentence = run_now(backed_up, "backup", "dump-3")
    assert (status, len(list((folder / "scheduled").iterdir()))) == (0, 2), sentence


def test_a_claim_of_somebody_else_is_not_taken_over(backed_up: Deployment) -> None:
    foreign = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "theirs", "namespace": NAME},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    manifest = backed_up.folder / "theirs.yaml"
    manifest.write_text(yaml.safe_dump(foreign))
    backed_up.run("kubectl", "apply", "-f", str(manifest)).expect()

    backed_up.configure(backupClaim="theirs")
    outcome = backed_up.up()
    backed_up.configure(backupClaim=CLAIM)

    assert outcome.status != 0
    assert "expected PersistentVolumeClaim 'theirs' not to exist yet" in outcome.text


@pytest.mark.lane
def test_a_dump_goes_to_a_bucket_and_comes_back_with_a_key_from_vault(
    backed_up: Deployment, tmp_path: Path
) -> None:
    mount = backed_up.settings["vaultKvMount"]
    (tmp_path / "rclone").symlink_to(golang.build(built.RCLONE, lambda _: None))
    with s3_server(tmp_path, backed_up.environ["PGHOST"]) as s3:
        names = {
            "BUCKET": f"{BUCKET}/{NAME}",
            "ENDPOINT": s3.address,
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": KEY,
            "KV_MOUNT": mount,
            "SECRET_PATH": SECRET,
        }
        backed_up.configure(backupBucketCaCertFile=str(s3.ca_file))
        page(backed_up, "bucket", **names).expect()
        dumped, sentence = run_now(backed_up, "backup", "bucket-1")
        drilled, verdict = run_now(backed_up, "restore-drill", "bucket-2")
        (dump,) = (s3.bucket / NAME).iterdir()
        path = os.pathsep.join([str(tmp_path), backed_up.environ["PATH"]])
        trust = {"PATH": path, "RCLONE_CA_CERT": str(s3.ca_file)}
        page(backed_up, "fetch from bucket", DUMP=dump.name, **names, **trust).expect()
        size = (backed_up.folder / dump.name).stat().st_size
        backed_up.run(
            *("bao", "kv", "metadata", "delete", f"-mount={mount}", f"{SECRET}-backup")
        ).expect()
        without, missing = run_now(backed_up, "backup", "bucket-3")

    assert without == 21, missing
    assert "write it with the fields accessKeyId and secretAccessKey" in missing
    assert (dumped, drilled) == (0, 0), (sentence, verdict)
    assert sentence == (
        f"dumped 10 rows, {size} bytes to {dump.name} in s3://{BUCKET}/{NAME}; "
        "removed 0 older than 14 days, 1 are there"
    )
    assert verdict.startswith(f"restored {dump.name}")
    assert KEY not in backed_up.run("kubectl", "-n", NAME, "get", "all,cm", "-o", "yaml").text
