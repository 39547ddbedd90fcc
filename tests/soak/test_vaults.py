"""The cases of tests/scripts/test_vault_init_sh.py on HashiCorp's Vault, server and agent."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.vault_cases import CASES
from tests.support.vault_comparison import check
from tests.support.vault_server import VaultServer, vault_server
from tests.support.vaults import VAULTS, vault


@pytest.fixture(scope="module", params=VAULTS)
def release(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def server(release: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VaultServer]:
    with vault_server(vault(release), tmp_path_factory.mktemp("vault")) as running:
        yield running


@pytest.mark.parametrize("case", CASES)
def test_vault_init_says_on_vault_what_it_says_on_openbao(
    server: VaultServer, release: str, tmp_path: Path, case: str
) -> None:
    check(server, f"Vault {release}", case, tmp_path)
