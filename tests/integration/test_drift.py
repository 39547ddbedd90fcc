"""What preview, up and up --refresh do about changes made behind Pulumi: docs/drift.md's table."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.database import application_credential, as_parameters, connect
from tests.support.deployment import REPOSITORY, Deployment, Outcome
from tests.support.documents import follow
from tests.support.drifts import DRIFTS, Drift, Environment
from tests.support.failures import compare_line

ROW = "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('t', 'c', '{}')"
LEDGER = "SELECT v, xmin::text FROM checkpoint_migrations ORDER BY v"
ROTATED = "a rotated password"
SECRET = "bizmatters/agent-executor/postgres"
HASHED = "agent-executor-migration-"
POD_NETWORK = "10.0.0.0/8"
SELECTOR = "bound_service_account_namespace_selector"
MIGRATION, VERIFICATION = "agent-executor-migration-001", "agent-executor-verification-001"


@dataclass(frozen=True)
class Found:
    """How each command ended over all drifts at once."""

    here: Environment
    preview: Outcome
    up: Outcome
    refreshed: dict[str, str]
    ledger: list[Any]
    repaired: Outcome


def operations(outcome: Outcome) -> dict[str, str]:
    """Return what a preview in JSON would do, by the resource's name."""
    steps = json.loads(outcome.expect().text)["steps"]
    return {step["urn"].rpartition("::")[2]: step["op"] for step in steps if step["op"] != "same"}


@pytest.fixture(scope="module")
def here(dev: Deployment) -> Environment:
    return Environment(dev)


@pytest.fixture(scope="module")
def found(here: Environment) -> Found:
    """Make every drift, then let each command meet all of them: an `up` takes seconds."""
    here.execute(ROW)
    ledger = here.query(LEDGER)
    for drift in DRIFTS.values():
        drift.change(here)
    dev = here.dev
    return Found(
        here,
        preview=dev.preview("--expect-no-changes"),
        up=dev.up("--expect-no-changes"),
        refreshed=operations(dev.preview("--refresh", "--json")),
        ledger=ledger,
        repaired=dev.up("--refresh"),
    )


def test_without_refresh_neither_preview_nor_up_looks_at_what_is_there(found: Found) -> None:
    found.preview.expect()
    found.up.expect()


@pytest.mark.parametrize("drift", DRIFTS.values(), ids=DRIFTS.keys())
def test_a_refresh_shows_the_drift_and_up_mends_it(found: Found, drift: Drift) -> None:
    assert found.refreshed[drift.resource] == drift.operation
    found.repaired.expect()
    assert drift.repaired(found.here)


def test_a_drift_of_everything_changes_no_row(found: Found) -> None:
    assert found.here.query("SELECT thread_id FROM checkpoints") == [("t",)]
    assert found.here.query(LEDGER) == found.ledger
    assert len(found.ledger) == 10


def test_a_rotation_outside_is_never_undone(here: Environment) -> None:
    dev, kv = here.dev, f"-mount={here.dev.settings['vaultKvMount']}"
    for role, suffix in (("migrator", ""), ("app", "-app")):
        here.execute(f"ALTER ROLE \"{here.database}_{role}\" PASSWORD '{ROTATED}'")
        path = f"bizmatters/agent-executor/postgres{suffix}"
        here.bao("kv", "patch", kv, path, f"password={ROTATED}")

    dev.up("--refresh", "--expect-no-changes").expect()
    dev.configure(keepSecretVersions=True, timeoutSeconds=599)
    dev.up("--refresh").expect()

    credential = as_parameters(application_credential(dev))
    assert credential["password"] == ROTATED
    with connect(dev, here.database, credential) as connection:
        assert connection.execute("SELECT count(*) FROM checkpoints").fetchone() == (1,)
    assert ROTATED not in dev.state()


def test_what_the_refresh_passes_over_is_kept_or_mended_by_replacing_it(
    here: Environment,
) -> None:
    dev, application = here.dev, f"{here.role}-app"
    mount = f"-mount={dev.settings['vaultKvMount']}"
    here.bao(
        "write", application, "audience=", f'{SELECTOR}={{"matchLabels": {{"team": "other"}}}}'
    )
    here.bao("write", here.role, f"token_bound_cidrs={POD_NETWORK}")
    here.bao("kv", "delete", mount, SECRET)
    dev.up("--refresh", "--expect-no-changes").expect()
    here.bao("kv", "undelete", mount, "-versions=2", SECRET)
    unseen = here.read(application)

    resources = json.loads(dev.state())["deployment"]["resources"]
    roles = [r["urn"] for r in resources if r["urn"].endswith("-access-role")]
    dev.up(*(f"--replace={urn}" for urn in roles if "application" in urn)).expect()

    assert (unseen.get("audience", ""), "other" in unseen[SELECTOR]) == ("", True)
    assert here.read(application)["audience"] == "vault"
    assert not here.read(application)[SELECTOR]
    assert here.read(here.role)["token_bound_cidrs"] == [POD_NETWORK]
    here.bao("write", here.role, "token_bound_cidrs=")


def test_a_column_that_the_migration_can_add_is_back_once_it_ran_again(here: Environment) -> None:
    dev = here.dev
    here.execute("ALTER TABLE checkpoint_writes DROP COLUMN task_path")
    dev.up("--expect-no-changes").expect()
    jobs = here.uid(MIGRATION), here.uid(VERIFICATION)

    target = ("-f", str(REPOSITORY / "Makefile"), "-o", "setup", f"PULUMI=pulumi -s {dev.stack}")
    dev.run("make", *target, "repair", **dev.deployer).expect()

    assert here.query("SELECT task_path FROM checkpoint_writes") == []
    assert dev.outputs()["verification"]["ok"] is True
    assert not {*jobs} & {here.uid(MIGRATION), here.uid(VERIFICATION)}
    dev.up("--refresh", "--expect-no-changes").expect()


def test_a_schema_changed_by_hand_is_seen_by_a_verification_on_every_up(
    here: Environment,
) -> None:
    dev = here.dev
    here.execute("DROP INDEX checkpoints_thread_id_idx")
    dev.preview("--refresh", "--expect-no-changes").expect()

    dev.configure(verify="always")
    planned = operations(dev.preview("--json"))
    jobs = here.uid(MIGRATION), here.uid(VERIFICATION)
    outcome = dev.up()

    assert planned == {
        "checkpoints-verification-job": "replace",
        "checkpoints-verification-report": "update",
    }
    assert outcome.status != 0
    compare_line("verification", outcome.text, "expected schema public to equal", status=1)
    assert "checkpoints_thread_id_idx" in outcome.text
    assert here.uid(MIGRATION) == jobs[0]
    assert here.uid(VERIFICATION) != jobs[1]


def test_the_migration_run_again_mends_the_schema(here: Environment) -> None:
    follow(here.dev, "docs/drift.md", "repair").expect()
    verified, migrated = here.uid(VERIFICATION), here.uid(MIGRATION)

    here.dev.up().expect()

    assert here.dev.outputs()["verification"]["ok"] is True
    assert here.uid(VERIFICATION) != verified
    assert here.uid(MIGRATION) == migrated
    assert here.query("SELECT thread_id FROM checkpoints") == [("t",)]


def test_a_lost_column_is_refused_until_its_tables_are_restored(
    here: Environment, tmp_path: Path
) -> None:
    dev, dump = here.dev, tmp_path / "a.dump"
    dev.run("pg_dump", "-Fc", f"--file={dump}", here.database).expect()
    here.execute("ALTER TABLE checkpoints DROP COLUMN metadata")
    as_owner = {"DATABASE": here.database, "DUMP": str(dump)}
    as_owner["PGOPTIONS"] = f"-c role={here.database}_owner"

    refused = follow(dev, "docs/drift.md", "repair")
    follow(dev, "docs/backup.md", "lost columns", **as_owner).expect()
    follow(dev, "docs/backup.md", "restore into an empty database", **as_owner).expect()
    follow(dev, "docs/drift.md", "repair").expect()

    assert refused.status != 0
    compare_line("column lost", refused.text, "refused: ", status=10)
    assert dev.outputs()["verification"]["ok"] is True
    assert here.query("SELECT thread_id, metadata FROM checkpoints") == [("t", {})]
    here.execute("DROP SCHEMA damaged CASCADE")


def test_a_config_map_cannot_be_edited(here: Environment) -> None:
    (files,) = (n for n in here.kubectl("get", "configmaps", "-o", "name").split() if HASHED in n)

    refused = here.dev.run(
        *("kubectl", "-n", here.dev.settings["namespace"], "patch", files, "--type=merge"),
        *("-p", '{"data": {"migrate.sh": "planted"}}'),
    )

    assert refused.status != 0
    assert "immutable" in refused.text


def test_what_a_newer_saver_recorded_is_neither_touched_nor_dropped(here: Environment) -> None:
    dev = here.dev
    here.execute("INSERT INTO checkpoint_migrations VALUES (10); DELETE FROM checkpoints")

    verified = dev.up()
    destroyed = dev.destroy()
    here.kubectl("delete", "job", MIGRATION, "--wait")
    migrated = dev.up("--refresh")

    newer = "expected versions 0 to 9 in checkpoint_migrations of schema public, found 10"
    assert "version: checkpoint_migrations: expected versions 0 to 9, found 0 1 2" in verified.text
    assert f"nothing was destroyed: container rollback ended with 10: refused: {newer}" in (
        destroyed.text
    )
    assert f"refused: {newer}" in migrated.text
    assert 0 not in (verified.status, destroyed.status, migrated.status)
    assert [version for version, _ in here.query(LEDGER)] == list(range(11))
    assert here.query("SELECT count(*) FROM checkpoints") == [(0,)]


def test_the_next_job_names_the_secret_that_was_deleted(here: Environment) -> None:
    mount = here.dev.settings["vaultKvMount"]
    here.bao("kv", "delete", f"-mount={mount}", SECRET)

    outcome = here.dev.up()

    assert outcome.status != 0
    assert f"{mount}/{SECRET}" in outcome.text
    assert "the secret's newest version was deleted; undelete it or write another" in outcome.text
