"""The component as a part of other programs: examples/, in Python and hosted for the others."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from components.inputs.description import inputs
from tests.support.database import TABLES, tables
from tests.support.deployment import REPOSITORY, Outcome
from tests.support.languages import EXAMPLES, prepare

COMPONENTS = REPOSITORY / "components"
ROW = "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('t', 'c', '{}')"
Pulumi = Callable[..., Outcome]
OTHERS = [pytest.param(name, marks=pytest.mark.lane) for name in ("yaml", "typescript", "go")]


@pytest.fixture(scope="module", params=["python", *OTHERS])
def language(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def environ(
    language: str, devstack: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Return what docs/other-languages.md asks for; PWD is a copy of the example."""
    folder = tmp_path_factory.mktemp(language) / "program"
    shutil.copytree(EXAMPLES / language, folder)
    hosts = prepare(language, folder, tmp_path_factory.mktemp("plugins"))
    path = os.pathsep.join([*hosts, str(COMPONENTS), devstack["PATH"]])
    found = {"PATH": path, "PYTHONPATH": str(REPOSITORY), "PWD": str(folder)}
    return os.environ | devstack | found


@pytest.fixture(scope="module")
def pulumi(language: str, environ: dict[str, str]) -> Pulumi:
    """Run pulumi in the example, whose settings name the stack's own servers."""

    def run(*arguments: str, **variables: str) -> Outcome:
        done = subprocess.run(
            ["pulumi", "--non-interactive", *arguments],
            cwd=environ["PWD"],
            env=environ | variables,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return Outcome(done.returncode, done.stdout + done.stderr)

    run("stack", "init", language).expect()
    settings = {
        "vaultAddress": environ["VAULT_ADDR"],
        "databaseHost": environ["PGHOST"],
    }
    for key, value in settings.items():
        run("config", "set", "--plaintext", key, "--", value).expect()
    return run


def test_without_the_package_on_pythons_path_nothing_is_made(pulumi: Pulumi) -> None:
    done = pulumi("preview", PYTHONPATH="")

    assert done.status != 0
    assert "No module named 'components'" in done.text


def test_each_example_brings_an_environment_up_and_rolls_it_back(
    language: str, pulumi: Pulumi, devstack: dict[str, str]
) -> None:
    pulumi("up", "--yes", "--skip-preview").expect()
    outputs = json.loads(pulumi("stack", "output", "--json").expect().text)
    assert outputs["schemaVersion"] == 9
    assert outputs["verification"]["ok"] is True
    pulumi("up", "--yes", "--skip-preview", "--expect-no-changes").expect()

    conninfo = make_conninfo(
        host=devstack["PGHOST"],
        port=devstack["PGPORT"],
        user=devstack["PGUSER"],
        password=devstack["PGPASSWORD"],
        sslmode="verify-full",
        sslrootcert=devstack["PGSSLROOTCERT"],
    )

    def inside() -> psycopg.Connection[Any]:
        return psycopg.connect(conninfo, dbname=f"from_{language}", autocommit=True)

    with inside() as connection:
        connection.execute(ROW)
    refused = pulumi("destroy", "--yes", "--skip-preview")
    assert refused.status != 0
    assert "refusing to drop tables that hold data" in refused.text
    blind = pulumi("destroy", "--yes", "--skip-preview", PYTHONPATH="")
    assert "No module named 'components'" in blind.text
    with inside() as connection:
        assert tables(connection) == set(TABLES)
        connection.execute("DELETE FROM checkpoints")

    pulumi("destroy", "--yes", "--skip-preview").expect()

    with psycopg.connect(conninfo, dbname="postgres") as connection:
        names = connection.execute("SELECT datname FROM pg_database").fetchall()
    assert (f"from_{language}",) not in names


def test_each_example_is_a_template(pulumi: Pulumi, language: str, tmp_path: Path) -> None:
    template = str(EXAMPLES / language)

    pulumi(
        "new", template, "--dir", str(tmp_path), "--name", "own", "--generate-only", "--yes"
    ).expect()

    made = (tmp_path / "Pulumi.yaml").read_text()
    assert made.startswith("name: own\n")
    assert "template:" not in made.splitlines()
    assert {path.name for path in tmp_path.iterdir()} == {
        path.name for path in Path(template).iterdir()
    }


def test_the_schema_for_other_languages_has_the_docstrings(pulumi: Pulumi) -> None:
    plugin = str(COMPONENTS / "pulumi-resource-langgraph-checkpoint")

    text = pulumi("package", "get-schema", plugin).expect().text

    component = json.loads(text[text.index("{") :])["resources"][
        "langgraph-checkpoint:index:CheckpointStorage"
    ]
    assert not component.get("requiredInputs")
    assert component["inputProperties"].keys() == {each.key for each in inputs()}
    for name, described in (component["inputProperties"] | component["properties"]).items():
        assert described.get("description"), name
