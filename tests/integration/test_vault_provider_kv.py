import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devstack import toolchain

PROGRAM = Path(__file__).with_name("vault_kv_program")
NAME = "app/db"
FIRST = {"password": "first-password", "port": 5432}
SECOND = {"password": "second-password", "port": 5432}


class Vault:
    """A server of the test's own and one Pulumi stack that declares a secret in it."""

    def __init__(self, folder: Path, tools: toolchain.Toolchain, address: str) -> None:
        self.folder = folder
        tools.offer_plugins(folder / "home")
        self.environ = os.environ | {
            "PATH": f"{tools.bin}:{os.environ['PATH']}",
            "VAULT_ADDR": address,
            "VAULT_TOKEN": "root",
            "PULUMI_BACKEND_URL": f"file://{folder}",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }

    def run(self, *command: str, status: int = 0, **environ: str) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environ | environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    def up(self, data: dict[str, Any], *flags: str, status: int = 0, **arguments: Any) -> str:
        declared = {"name": NAME, "data_json": json.dumps(data)} | arguments
        command = ("pulumi", "up", "--yes", "--skip-preview", "--non-interactive", *flags)
        return self.run(*command, status=status, ARGUMENTS=json.dumps(declared))

    def up_without_secret(self) -> str:
        return self.run("pulumi", "up", "--yes", "--skip-preview", ARGUMENTS="{}")

    def outputs(self) -> dict[str, Any]:
        return json.loads(self.run("pulumi", "stack", "output", "--json"))

    def state(self) -> str:
        return self.run("pulumi", "stack", "export")

    def kv(self, *arguments: str, status: int = 0) -> str:
        return self.run("bao", "kv", *arguments, status=status)

    def stored(self) -> dict[str, Any]:
        return json.loads(self.kv("get", "-mount=secret", "-format=json", NAME))["data"]

    def put(self, **data: str) -> None:
        self.kv("put", "-mount=secret", NAME, *(f"{name}={value}" for name, value in data.items()))

    def versions(self) -> dict[str, Any]:
        answer = self.kv("metadata", "get", "-mount=secret", "-format=json", NAME)
        return json.loads(answer)["data"]["versions"]


@pytest.fixture(scope="module")
def tools() -> toolchain.Toolchain:
    return toolchain.ensure(lambda _: None)


@pytest.fixture(scope="module")
def address(tools: toolchain.Toolchain) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    command = [tools.bin / "bao", "server", "-dev", "-dev-no-store-token"]
    options = ["-dev-root-token-id=root", f"-dev-listen-address={listen}"]
    server = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL)
    # OpenBao listens to either name, Vault to its own.
    names = {"ADDR": f"http://{listen}", "TOKEN": "root"}
    environ = os.environ | {
        f"{of}_{name}": v for name, v in names.items() for of in ("BAO", "VAULT")
    }
    ready = [tools.bin / "bao", "kv", "put", "-mount=secret", "ready", "yes=1"]
    deadline = time.monotonic() + 30
    while subprocess.run(ready, env=environ, capture_output=True, check=False).returncode:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.1)
    yield f"http://{listen}"
    server.terminate()
    server.wait()


@pytest.fixture
def vault(tmp_path: Path, tools: toolchain.Toolchain, address: str) -> Iterator[Vault]:
    shutil.copytree(PROGRAM, tmp_path, dirs_exist_ok=True)
    vault = Vault(tmp_path, tools, address)
    vault.run("pulumi", "stack", "init", "test")
    yield vault
    vault.kv("metadata", "delete", "-mount=secret", NAME)


def test_a_secret_is_written_and_a_second_up_changes_nothing(vault: Vault) -> None:
    vault.up(FIRST)

    assert vault.stored()["data"] == FIRST
    assert vault.outputs()["path"] == f"secret/data/{NAME}"
    assert vault.outputs()["metadata"]["version"] == "1"
    vault.up(FIRST, "--refresh", "--expect-no-changes")


def test_the_data_is_only_in_the_state_as_ciphertext(vault: Vault) -> None:
    vault.up(FIRST)
    vault.up(FIRST, "--refresh")

    assert FIRST["password"] not in vault.state()
    assert '"ciphertext"' in vault.state()


def test_a_change_writes_a_new_version(vault: Vault) -> None:
    vault.up(FIRST)
    vault.up(SECOND)

    assert vault.stored()["data"] == SECOND
    assert list(vault.versions()) == ["1", "2"]


def test_a_change_from_outside_is_seen_by_refresh_and_undone(vault: Vault) -> None:
    vault.up(FIRST)
    vault.put(owner="outside")

    vault.up(FIRST, "--refresh")

    assert vault.stored()["data"] == FIRST


def test_a_secret_that_is_not_read_keeps_changes_from_outside(vault: Vault) -> None:
    vault.up(FIRST, disable_read=True)
    vault.put(owner="outside")

    vault.up(FIRST, "--refresh", "--expect-no-changes", disable_read=True)

    assert vault.stored()["data"] == {"owner": "outside"}


@pytest.mark.parametrize("removal", [["delete"], ["metadata", "delete"]], ids=["hidden", "gone"])
def test_a_secret_deleted_outside_is_written_again(vault: Vault, removal: list[str]) -> None:
    vault.up(FIRST)
    vault.kv(*removal, "-mount=secret", NAME)

    vault.up(FIRST, "--refresh")

    assert vault.stored()["data"] == FIRST


def test_check_and_set_in_options_refuses_to_overwrite(vault: Vault) -> None:
    vault.put(owner="somebody")

    said = vault.up(FIRST, status=1, options={"cas": "0"})

    assert "check-and-set parameter did not match the current version" in said
    assert vault.stored()["data"] == {"owner": "somebody"}


def test_check_and_set_in_options_lets_a_new_secret_be_written(vault: Vault) -> None:
    vault.up(FIRST, options={"cas": "0"})

    assert vault.stored()["data"] == FIRST


def test_cas_beside_options_guards_nothing_as_with_the_official_provider(vault: Vault) -> None:
    vault.put(owner="somebody")

    vault.up(FIRST, cas=0)

    assert vault.stored()["data"] == FIRST


def test_removal_hides_the_latest_version_and_keeps_the_others(vault: Vault) -> None:
    vault.up(FIRST)
    vault.up(SECOND)

    vault.up_without_secret()

    deleted = {number: bool(found["deletion_time"]) for number, found in vault.versions().items()}
    assert deleted == {"1": False, "2": True}


def test_removal_of_all_versions_leaves_nothing(vault: Vault) -> None:
    vault.up(FIRST, delete_all_versions=True)

    vault.up_without_secret()

    vault.kv("metadata", "get", "-mount=secret", NAME, status=2)


def test_custom_metadata_is_written_and_read_back(vault: Vault) -> None:
    settings = {"max_versions": 3, "delete_version_after": 3600, "data": {"owner": "team"}}

    vault.up(FIRST, custom_metadata=settings)

    found = json.loads(vault.kv("metadata", "get", "-mount=secret", "-format=json", NAME))["data"]
    assert found["max_versions"] == 3
    assert found["delete_version_after"] == "1h0m0s"
    assert found["custom_metadata"] == {"owner": "team"}
    vault.up(FIRST, "--refresh", "--expect-no-changes", custom_metadata=settings)


def test_a_secret_of_another_name_is_a_replacement(vault: Vault) -> None:
    vault.up(FIRST)

    said = vault.up(FIRST, name="app/other")

    assert "1 replaced" in said
    vault.kv("metadata", "delete", "-mount=secret", "app/other")


def test_a_secret_is_imported_by_its_path(vault: Vault) -> None:
    vault.put(owner="somebody")
    vault.kv("metadata", "put", "-mount=secret", "-max-versions=4", NAME)
    token, flags = "vault:kv/secretV2:SecretV2", ("--generate-code=false", "--protect=false")

    command = ("pulumi", "import", token, "found", f"secret/data/{NAME}", "--yes", *flags)
    vault.run(*command, ARGUMENTS="{}")

    state = json.loads(vault.run("pulumi", "stack", "export", "--show-secrets"))
    (secret,) = [r for r in state["deployment"]["resources"] if r["type"] == token]
    assert secret["inputs"]["mount"] == "secret"
    assert secret["inputs"]["name"] == NAME
    assert "somebody" in secret["outputs"]["dataJson"]["plaintext"]
    assert secret["outputs"]["customMetadata"]["maxVersions"] == 4


def test_a_preview_needs_no_server(vault: Vault) -> None:
    vault.up(FIRST)

    arguments = json.dumps({"name": NAME, "data_json": json.dumps(SECOND)})
    command = ("pulumi", "preview", "--non-interactive")
    said = vault.run(*command, VAULT_ADDR="http://127.0.0.1:9", ARGUMENTS=arguments)

    assert "1 to update" in said
