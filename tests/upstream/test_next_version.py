"""The next version of LangGraph is files: a made-up one, drafted and finished, works everywhere."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg.errors import InsufficientPrivilege

from tests.migrations.ancestors import EMPTY, GAPS, NEWEST, OLDEST, RELEASED, Ancestor
from tests.support import next_version
from tests.support.deployment import REPOSITORY
from tests.support.migration_files import part
from tests.support.next_version import COLUMN, INDEX, LAYOUT, STEM, TEXTS
from tests.support.postgres import Database
from tests.upstream.conftest import psql

HIGHEST = len(TEXTS) - 1
ENVIRON = {"VAULT_ADDR": "https://10.0.0.1:8200", "PGHOST": "10.0.0.2"}
INVALID = (
    "UPDATE pg_index SET indisvalid = false "
    "WHERE indexrelid = 'checkpoints_created_at_idx'::regclass"
)
VERSIONS = f"INSERT INTO checkpoint_migrations VALUES (10), ({HIGHEST})"
INTERRUPTED = {
    "after the column": (COLUMN,),
    "in the index": (COLUMN, INDEX, INVALID),
    "before the versions": (COLUMN, INDEX),
    "before its last version": (COLUMN, INDEX, "INSERT INTO checkpoint_migrations VALUES (10)"),
}
LOST = {
    "an index of its own": (COLUMN, INDEX, VERSIONS, "DROP INDEX checkpoints_created_at_idx"),
    "an older index": (COLUMN, INDEX, VERSIONS, "DROP INDEX checkpoints_thread_id_idx"),
    "all versions": (COLUMN, INDEX, "DELETE FROM checkpoint_migrations"),
    "the table of versions": (COLUMN, INDEX, "DROP TABLE checkpoint_migrations"),
    "a table": (COLUMN, INDEX, VERSIONS, "DROP TABLE checkpoint_writes"),
    "its own table": (COLUMN, INDEX, VERSIONS, "DROP TABLE checkpoints"),
}
STATES = {
    **EMPTY,
    **RELEASED,
    **GAPS,
    **{f"interrupted {when}": Ancestor(NEWEST, done) for when, done in INTERRUPTED.items()},
    "complete": Ancestor(NEWEST, (COLUMN, INDEX, VERSIONS)),
    **{f"lost {what}": Ancestor(NEWEST, done) for what, done in LOST.items()},
}


@pytest.fixture
def files(tree: Path) -> dict[str, Path]:
    return {part: tree / "migrations" / f"{STEM}.{part}.sql" for part in ("up", "down", "verify")}


def in_tree(
    tree: Path, *command: str, database: Database | None = None, environ: dict[str, str] = ENVIRON
) -> CompletedProcess[str]:
    done = subprocess.run(
        command,
        cwd=tree,
        env=os.environ | environ | (database.server.env(database.name) if database else {}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def recorded(database: Database) -> int:
    return database.value("SELECT count(*) FROM checkpoint_migrations")


def test_an_unfinished_draft_is_refused_and_changes_nothing(
    tmp_path: Path, database: Database
) -> None:
    migrations = Path(shutil.copytree(REPOSITORY / "migrations", tmp_path / "migrations"))
    drafted = next_version.watch(next_version.build_wheel(tmp_path, TEXTS), migrations)
    Ancestor(NEWEST).load(database)
    before = database.schema_dump()

    results = [
        psql(database, migrations / f"{STEM}.{part}.sql", allow_data_loss="true")
        for part in ("up", "verify", "down")
    ]

    assert f"{LAYOUT} in {migrations}" in drafted.stderr
    for result in results:
        assert f"MG040: expected a decision about the new text of version {HIGHEST}" in (
            result.stderr
        )
    assert database.schema_dump() == before


def test_upstream_finds_the_finished_migration_equal(tree: Path, tmp_path: Path) -> None:
    again = next_version.watch(next_version.build_wheel(tmp_path, TEXTS), tree / "migrations")

    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.endswith(f"highest version {HIGHEST}: equal\n")


@pytest.mark.parametrize("state", STATES.values(), ids=STATES.keys())
def test_every_state_ends_in_what_upstream_makes(
    database: Database, files: dict[str, Path], upstream_dump: str, state: Ancestor
) -> None:
    state.load(database)

    first, second = psql(database, files["up"]), psql(database, files["up"])
    verified = psql(database, files["verify"])

    assert first.returncode == 0, first.stderr
    assert f"already at version {HIGHEST}, nothing to do" in second.stdout, second.stdout
    assert verified.returncode == 0, verified.stdout
    assert "FAIL" not in verified.stdout
    assert database.schema_dump() == upstream_dump
    assert recorded(database) == len(TEXTS)


def test_empty_tables_take_all_of_it_or_nothing(database: Database, files: dict[str, Path]) -> None:
    database.execute(
        "CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() "
        "WHERE object_identity LIKE '%created_at_idx') THEN RAISE 'not this one'; END IF; END $$",
        "CREATE EVENT TRIGGER refuse ON ddl_command_end EXECUTE FUNCTION refuse()",
    )

    result = psql(database, files["up"])

    assert "not this one" in result.stderr
    assert database.value("SELECT to_regclass('checkpoints')") is None


def test_a_database_of_a_version_after_it_is_refused(
    database: Database, files: dict[str, Path]
) -> None:
    psql(database, files["up"])
    database.execute(f"INSERT INTO checkpoint_migrations VALUES ({HIGHEST + 1})")

    result = psql(database, files["up"])

    assert f"MG011: expected versions 0 to {HIGHEST} in checkpoint_migrations" in result.stderr


def test_the_older_release_refuses_the_newer_database(
    database: Database, files: dict[str, Path]
) -> None:
    psql(database, files["up"])

    for kind in ("up", "down"):
        result = psql(database, REPOSITORY / "migrations" / part(kind), allow_data_loss="true")
        assert f"found {HIGHEST}: use the release of this project that knows" in result.stderr
    assert recorded(database) == len(TEXTS)


def test_plan_and_verifier_know_it_by_its_files(tree: Path, database: Database) -> None:
    plan, verify = "migrations/plan_migration.sh", "migrations/verify_migration.sh"
    unknown = in_tree(tree, plan).stdout
    Ancestor(OLDEST).load(database)
    oldest = in_tree(tree, plan, database=database).stdout
    Ancestor(NEWEST).load(database)
    upgrade = in_tree(tree, plan, database=database).stdout
    psql(database, tree / "migrations" / f"{STEM}.up.sql")

    assert "  create index checkpoints_created_at_idx\n" in unknown
    assert unknown.endswith(f"  record versions 0 to {HIGHEST}\n")
    assert "  add column checkpoints.created_at\n" in oldest
    assert upgrade.splitlines()[1:] == [
        "  add column checkpoints.created_at",
        "  create index checkpoints_created_at_idx",
        f"  record versions 0 to {HIGHEST}",
        "The tables hold rows: the indexes are built concurrently.",
    ]
    assert f"is at version {HIGHEST}" in in_tree(tree, plan, database=database).stdout
    assert f"PASS  version       0 to {HIGHEST}" in in_tree(tree, verify, database=database).stdout


def test_the_down_file_keeps_rows_and_drops_all_when_told(
    database: Database, files: dict[str, Path]
) -> None:
    Ancestor(NEWEST).load(database)
    psql(database, files["up"])

    refused = psql(database, files["down"])
    kept = recorded(database)
    allowed = psql(database, files["down"], allow_data_loss="true")

    assert "MG020: refusing to drop tables that hold data" in refused.stderr
    assert kept == len(TEXTS)
    assert allowed.returncode == 0, allowed.stderr
    assert database.value("SELECT to_regclass('checkpoints')") is None


def test_setup_of_the_newer_saver_is_stopped_until_the_storage_knows_its_version(
    database: Database, files: dict[str, Path]
) -> None:
    given = {"app_role": database.server.create_role(), "application_setup": "true"}
    conninfo = database.server.conninfo(database.name, given["app_role"])
    newer = type("Newer", (PostgresSaver,), {"MIGRATIONS": TEXTS})

    psql(database, REPOSITORY / "migrations" / part("up"), **given)
    with (
        newer.from_conn_string(conninfo) as saver,
        pytest.raises(InsufficientPrivilege, match="must be owner of table checkpoints"),
    ):
        saver.setup()
    migrated = psql(database, files["up"], **given)
    with newer.from_conn_string(conninfo) as saver:
        saver.setup()
    verified = psql(database, files["verify"], **given)
    dropped = psql(database, files["down"], app_role=given["app_role"])

    assert "passes through schema public_setup\n" in migrated.stdout
    assert verified.returncode == 0, verified.stdout
    assert dropped.returncode == 0, dropped.stderr
    assert database.value("SELECT count(*) FROM pg_namespace WHERE nspname = 'public_setup'") == 0


def test_rendered_jobs_and_monitoring_name_it(tree: Path) -> None:
    in_tree(tree, sys.executable, "-m", "render", "dev", "--to", "out")
    plain = {path.name: path.read_text() for path in (tree / "out" / "plain").iterdir()}
    jobs = [text for name, text in plain.items() if "kind: Job\n" in text]
    monitoring: dict[str, Any] = json.loads(
        in_tree(
            tree,
            sys.executable,
            "-c",
            "import json; from components.monitoring import files; "
            "from tests.support.monitoring import ARGS; "
            "print(json.dumps([files.rules(ARGS), json.loads(files.dashboard())]))",
            environ={"PYTHONPATH": str(REPOSITORY)},
        ).stdout
    )

    assert len(jobs) == 3
    assert all("-002\n" in text and "-001\n" not in text for text in jobs)
    assert any(f"{STEM}.up.sql" in text and LAYOUT in text for text in plain.values())
    assert f"version has been below {HIGHEST}." in json.dumps(monitoring)
    assert f'"value": {HIGHEST}' in json.dumps(monitoring)
