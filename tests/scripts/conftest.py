"""Runs the scripts as their containers do: under busybox ash, with files of credentials."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from tests.support.postgres import HOST, PASSWORD, Database, bin_dir

ROOT = Path(__file__).parents[2]


@dataclass
class Container:
    """The surroundings of one script: mounted files, environment and termination log."""

    directory: Path
    database: Database
    programs: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.credentials = self.directory / "secrets"
        self.credentials.mkdir()
        self.temporary = self.directory / "tmp"
        self.temporary.mkdir()
        self.termination_log = self.directory / "termination-log"
        self.termination_log.touch()
        self.write_service()
        self.write_password(PASSWORD)

    def write_service(self, **changes: object) -> None:
        settings = {
            "host": HOST,
            "port": self.database.server.port,
            "dbname": self.database.name,
            "user": "postgres",
            "sslmode": "verify-full",
            "sslrootcert": self.database.server.ca_file,
        } | changes
        lines = ["[checkpoint]", *(f"{name}={value}" for name, value in settings.items())]
        (self.credentials / "pg_service.conf").write_text("\n".join(lines) + "\n")

    def write_password(self, password: str) -> None:
        escaped = password.replace("\\", "\\\\").replace(":", "\\:")
        file = self.credentials / "pgpass"
        file.write_text(f"*:*:*:*:{escaped}\n")
        file.chmod(0o600)

    def start(self, script: str, *arguments: str, **environment: str) -> Popen[str]:
        self.termination_log.write_text("")
        (path,) = (ROOT / "components").rglob(script)
        return Popen(
            [self.programs / "ash", str(path), *arguments],
            env={
                "PATH": str(self.programs),
                "CREDENTIALS_DIR": str(self.credentials),
                "MIGRATIONS_DIR": str(ROOT / "migrations"),
                "TERMINATION_LOG": str(self.termination_log),
                "TMPDIR": str(self.temporary),
                **self.environment,
                **environment,
            },
            stdout=PIPE,
            stderr=PIPE,
            text=True,
        )

    def finish(self, process: Popen[str]) -> tuple[int, str, str]:
        """Return exit status, all output and the termination message, proven free of secrets."""
        output = "".join(process.communicate())
        message = self.termination_log.read_text()
        assert PASSWORD not in output + message
        assert message.count("\n") == 1, "the termination message is one sentence"
        assert list(self.temporary.iterdir()) == [], "the script leaves nothing behind"
        return process.returncode, output, message.rstrip("\n")

    def run(self, script: str, *arguments: str, **environment: str) -> tuple[int, str, str]:
        return self.finish(self.start(script, *arguments, **environment))


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with what the stock image has: psql and the applets of busybox."""
    directory = tmp_path_factory.mktemp("programs")
    busybox = shutil.which("busybox")
    if not busybox:
        pytest.fail("expected busybox, found none: install it, the containers have no other shell")
    subprocess.run([busybox, "--install", "-s", directory], check=True)
    (directory / "psql").symlink_to(bin_dir() / "psql")
    return directory


@pytest.fixture
def container(tmp_path: Path, database: Database, programs: Path) -> Container:
    return Container(tmp_path, database, programs)


@pytest.fixture
def migrate(container: Container) -> Callable[..., tuple[int, str, str]]:
    return lambda direction="up", **env: container.run("migrate.sh", direction, **env)
