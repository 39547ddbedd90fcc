"""Which rights in PostgreSQL a deployer lacks is said by a real server, before anything is made."""

import sys
from collections.abc import Callable

import pytest

from components.ownership import data_guard
from components.ownership.data_guard import DataGuardProvider
from components.ownership.refusal import Refused
from tests.support.failures import compare_line
from tests.support.postgres import HOST, PASSWORD, Server

Create = Callable[[str], object]


@pytest.fixture
def create(server: Server, monkeypatch: pytest.MonkeyPatch) -> Create:
    """Let a role make the guard, and with it everything else."""
    database = {
        "host": HOST,
        "port": str(server.port),
        "ssl_mode": "verify-full",
        "ca_certificate": server.ca_file.read_text(),
    }
    monkeypatch.setattr(data_guard, "identities", lambda *_, **__: {})
    # A refusal sets it for its whole process.
    monkeypatch.setattr(sys, "tracebacklimit", 1000, raising=False)
    monkeypatch.setenv("PGPASSWORD", PASSWORD)

    def run(role: str) -> object:
        monkeypatch.setenv("PGUSER", role)
        return DataGuardProvider().create({"servers": {"database": database}})

    return run


@pytest.mark.parametrize(
    ("options", "missing"),
    [
        ("LOGIN", "CREATEDB and CREATEROLE; run ALTER ROLE {} CREATEDB CREATEROLE, or"),
        ("LOGIN CREATEDB", "CREATEROLE; run ALTER ROLE {} CREATEROLE, or"),
    ],
)
def test_a_deployer_without_rights_makes_nothing(
    server: Server, create: Create, options: str, missing: str
) -> None:
    role = server.create_role(options)

    with pytest.raises(Refused, match=missing.format(role)) as refused:
        create(role)

    sentence = str(refused.value).replace(role, "ci")
    if options == "LOGIN":
        compare_line("deployer without rights", sentence, "nothing was made: ")
    server.execute(f"ALTER ROLE {role} CREATEDB CREATEROLE")
    create(role)


def test_a_deployer_that_may_end_no_session_is_told_what_that_means(
    server: Server, create: Create, capsys: pytest.CaptureFixture[str]
) -> None:
    role = server.create_role("LOGIN CREATEDB CREATEROLE")

    create(role)

    assert f"run GRANT pg_signal_backend TO {role} " in capsys.readouterr().err


def test_the_documented_deployer_and_a_superuser_are_told_nothing(
    server: Server, create: Create, capsys: pytest.CaptureFixture[str]
) -> None:
    role = server.create_role("LOGIN CREATEDB CREATEROLE")
    server.execute(f"GRANT pg_signal_backend TO {role}")

    create(role)
    create("postgres")

    assert not capsys.readouterr().err
