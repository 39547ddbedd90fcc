"""What a deployment is made of: its licenses, its SBOM, the audit of its packages."""

import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.support.deployment import REPOSITORY
from tools.license_table import HEAD, LOCKED, PAGE, licenses, table

# A deployment may be given away and changed under each of these without opening its own code: the
# LGPL asks it of changes to psycopg itself, which is imported as it is.
ACCEPTED = {
    *("Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "LGPL-3.0-only", "MIT", "MPL-2.0", "PSF-2.0"),
}
VULNERABILITY = {
    "id": "PYSEC-2026-1",
    "details": "planted",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "pyyaml"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99"}]}],
        }
    ],
}


class OsvMirror(ThreadingHTTPServer):
    """Answers as OSV does, and knows the vulnerabilities of one package."""

    daemon_threads = True
    vulnerable = ""

    def __init__(self) -> None:
        self.asked: set[str] = set()
        super().__init__(("127.0.0.1", 0), _Answer)


class _Answer(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, OsvMirror)
        length = int(self.headers["Content-Length"])
        name = json.loads(self.rfile.read(length))["package"]["name"]
        self.server.asked.add(name)
        known = {"vulns": [VULNERABILITY]} if name == self.server.vulnerable else {}
        body = json.dumps(known).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def mirror() -> Iterator[OsvMirror]:
    with OsvMirror() as server:
        thread = Thread(target=server.serve_forever, args=[0.05], daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def audit(mirror: OsvMirror) -> subprocess.CompletedProcess[str]:
    command = [
        REPOSITORY / ".ci" / "audit",
        Path(sys.executable).with_name("pip-audit"),
        f"http://127.0.0.1:{mirror.server_port}/v1/query",
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def locked(file: Path) -> set[str]:
    return {name for name, _ in LOCKED.findall(file.read_text())}


def test_the_page_of_licenses_is_that_of_the_locked_packages() -> None:
    assert PAGE.read_text() == HEAD + table(), "run python -m tools.license_table"


@pytest.mark.parametrize(("name", "text"), [(n, text) for n, (_, text) in licenses().items()])
def test_the_license_of_a_package_is_one_that_a_deployment_may_have(name: str, text: str) -> None:
    assert ACCEPTED & set(text.split(" OR ")), f"{name} is under {text or 'no license it names'}"


@pytest.mark.lane
def test_the_sbom_names_each_locked_package_with_its_version(tmp_path: Path) -> None:
    sbom = tmp_path / "sbom.json"

    subprocess.run(["make", "--silent", "sbom", f"SBOM={sbom}"], cwd=REPOSITORY, check=True)

    made: dict[str, Any] = json.loads(sbom.read_text())
    found = {(one["name"].lower().replace("_", "-"), one["version"]) for one in made["components"]}
    assert found == set(LOCKED.findall((REPOSITORY / "requirements.txt").read_text()))
    assert made["bomFormat"] == "CycloneDX"


@pytest.mark.lane
def test_the_audit_asks_for_every_package_and_is_content_when_nothing_is_known(
    mirror: OsvMirror,
) -> None:
    done = audit(mirror)

    assert done.returncode == 0, done.stdout + done.stderr
    files = [*REPOSITORY.glob("requirements*.txt"), REPOSITORY / "policy" / "requirements.txt"]
    assert mirror.asked == set().union(*(locked(file) for file in files))


@pytest.mark.lane
def test_the_audit_names_a_vulnerable_package_and_fails(mirror: OsvMirror) -> None:
    mirror.vulnerable = "pyyaml"

    done = audit(mirror)

    assert done.returncode == 1
    assert "PYSEC-2026-1" in done.stdout
    assert done.stderr.endswith("renew with make lock, or name a mirror with OSV_URL\n")


@pytest.mark.lane
def test_the_audit_fails_when_the_database_does_not_answer() -> None:
    with OsvMirror() as closed:
        pass

    assert audit(closed).returncode == 1
