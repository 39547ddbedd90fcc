"""setup() of released savers passes where the migration made a schema for it, or is refused."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.migrations.test_application_setup import Place, prepare
from tests.support import saver_session
from tests.support.postgres import Database
from upstream.record import installed
from upstream.releases import Release

SESSION = Path(saver_session.__file__)
SETUP = SESSION.with_name("saver_setup.mjs")
SAVERS = [
    Release("python", version, core, texts, task_path=True)
    for version, core, texts in [
        ("2.0.0", "2.0.10", 5),
        ("2.0.22", "2.1.2", 10),
        ("2.0.23", "2.1.2", 10),
        ("3.0.0", "3.0.1", 10),
        ("3.0.5", "4.3.2", 10),
        ("3.2.0", "4.3.2", 10),
    ]
]
JAVASCRIPT = Release("javascript", "1.0.5", "1.2.2", 5, task_path=False)


@pytest.fixture
def place(database: Database) -> Place:
    place = prepare(database)
    place.up()
    return place


def run(place: Place, release: Release, script: Path) -> str:
    command, environ, folder = installed(release, lambda _: None)
    environ |= place.database.server.env(place.database.name, place.roles.app)
    done = subprocess.run(
        [*command, script], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("release", SAVERS, ids=lambda release: release.version)
def test_setup_of_a_released_saver_passes_and_changes_nothing(
    place: Place, release: Release
) -> None:
    before = place.of_tables()

    seen = json.loads(run(place, release, SESSION))

    assert seen == [saver_session.SEEN, saver_session.SEEN]
    assert place.of_tables() == before


def test_that_of_javascript_asks_for_create_on_the_database_whatever_the_path(
    place: Place,
) -> None:
    refused = run(place, JAVASCRIPT, SETUP)
    name, role = place.database.name, place.roles.app
    place.database.execute(f"GRANT CREATE ON DATABASE {name} TO {role}")
    then = run(place, JAVASCRIPT, SETUP)

    assert refused == f"42501: permission denied for database {name}\n"
    assert then == "42501: permission denied for table checkpoint_migrations\n"
