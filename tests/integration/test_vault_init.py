"""vault-init.sh as a program, against the real Vault and the real API server."""

from pathlib import Path

import pytest

from tests.support.deployment import Deployment
from tests.support.vault_init import VaultInit

WRITE = "write it with the fields host, port, database, username and password, each of them text"
SECRET = {"host": "h", "port": "1", "database": "d", "username": "u", "password": "p"}


@pytest.fixture
def vault_init(dev: Deployment, tmp_path: Path) -> VaultInit:
    return VaultInit(dev, tmp_path)


def test_only_libpqs_two_files_stay_and_only_their_owner_reads_them(
    vault_init: VaultInit,
) -> None:
    vault_init.put(SECRET)

    done = vault_init.run(vault_init.token())

    assert done.returncode == 0
    assert vault_init.left() == {"pg_service.conf", "pgpass"}
    for name in vault_init.left():
        assert (vault_init.folder / name).stat().st_mode & 0o777 == 0o400
    assert "Vault token revoked" in done.stdout


@pytest.mark.parametrize("field", SECRET)
def test_a_missing_field_is_named(vault_init: VaultInit, field: str) -> None:
    vault_init.put({key: value for key, value in SECRET.items() if key != field})

    done = vault_init.run(vault_init.token())

    assert done.returncode == 21
    assert f'the secret has no field "{field}"; {WRITE}' in vault_init.sentence()
    assert "Vault token revoked" in done.stdout


@pytest.mark.parametrize("value", [None, True, {"a": "b"}, ["h"]], ids=repr)
@pytest.mark.parametrize("field", ["host", "password"])
def test_a_field_that_is_not_text_is_named(
    vault_init: VaultInit, field: str, value: object
) -> None:
    vault_init.put(SECRET | {field: value})

    assert vault_init.run(vault_init.token()).returncode == 21
    assert f'the secret\'s field "{field}" is not text; {WRITE}' in vault_init.sentence()


def test_a_number_passes_for_text(vault_init: VaultInit) -> None:
    vault_init.put(SECRET | {"port": 5432, "password": 12345})

    assert vault_init.run(vault_init.token()).returncode == 0
    assert "port=5432\n" in (vault_init.folder / "pg_service.conf").read_text()
    assert (vault_init.folder / "pgpass").read_text() == "*:*:*:*:12345\n"


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("host", "h\nsslmode=disable", "holds a line break"),
        ("username", "", "the field for libpq's user in"),
        ("database", "d ", "ends in white space"),
    ],
)
def test_what_libpqs_files_cannot_hold_is_refused(
    vault_init: VaultInit, field: str, value: str, sentence: str
) -> None:
    vault_init.put(SECRET | {field: value})

    assert vault_init.run(vault_init.token()).returncode == 21
    assert sentence in vault_init.sentence()


def test_a_token_for_another_audience_is_refused(vault_init: VaultInit) -> None:
    done = vault_init.run(vault_init.token(audience="another"))

    assert done.returncode == 20
    assert "403: invalid audience (aud) claim" in vault_init.sentence()


def test_another_service_account_is_refused(vault_init: VaultInit) -> None:
    done = vault_init.run(vault_init.token(account="agent-executor-app"))

    assert done.returncode == 20
    assert "403: service account name not authorized" in vault_init.sentence()


def test_a_missing_service_account_token_is_said(vault_init: VaultInit) -> None:
    assert vault_init.run("").returncode == 20
    found = f"at {vault_init.folder / 'token'}, found none; look for an admission webhook"
    assert f"expected the pod's ServiceAccount token {found}" in vault_init.sentence()


def test_an_unreachable_vault_is_retried_until_the_deadline(vault_init: VaultInit) -> None:
    done = vault_init.run(vault_init.token(), VAULT_ADDR="https://127.0.0.1:1")

    assert done.returncode == 22
    assert "gave up after" in vault_init.sentence()
    assert "connection refused" in vault_init.sentence()
    assert done.stdout.count("attempt ") >= 2


def test_a_stopped_vault_init_ends_and_leaves_nothing(vault_init: VaultInit) -> None:
    process = vault_init.start(
        vault_init.token(), VAULT_ADDR="https://127.0.0.1:1", DEADLINE_SECONDS="60"
    )
    with process:
        assert process.stdout
        while "attempt 1" not in process.stdout.readline():
            pass
        process.terminate()

    assert process.returncode == 143
    assert vault_init.left() == set()
