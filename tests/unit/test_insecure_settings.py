"""What is less than verified TLS needs a setting named insecure, and is said each time."""

from pathlib import Path

import pulumi
import pytest

from components.inputs.checks import InputsError
from components.settings.settings import load as load_settings
from tests.unit.test_checkpoint_storage import DEV, ENVIRON, PEM, recorded

HTTP = {"vaultAddress": "http://10.0.0.1:8200"}


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, *_: said.append(text))
    return said


@pytest.mark.parametrize("scheme", ["http", "HTTP", "ftp", "unix"])
def test_vault_without_tls_is_refused(configure, scheme: str) -> None:
    configure(**DEV, vaultAddress=f"{scheme}://10.0.0.1:8200")

    with pytest.raises(InputsError, match="- vaultAddress: expected"):
        load_settings(ENVIRON)


def test_an_insecure_setting_is_repeated_as_a_warning_of_the_verification(
    configure, declare, warnings: list[str]
) -> None:
    insecure = HTTP | {"insecureVaultHttp": True, "insecureDatabaseSslMode": "require"}

    recorded(configure, declare, **DEV | insecure)

    assert [text.split()[0] for text in warnings] == [
        "insecureDatabaseSslMode",
        "insecureVaultHttp:",
    ]


def test_a_secure_environment_is_not_warned_of(configure, declare, warnings: list[str]) -> None:
    recorded(configure, declare, **DEV)

    assert warnings == []


@pytest.mark.parametrize("content", ["", "root:x:0:0\n", PEM + "-----BEGIN PRIVATE KEY-----\n"])
@pytest.mark.parametrize("key", ["vaultCaCertFile", "databaseCaCertFile"])
def test_only_certificates_get_into_the_config_map(
    configure, tmp_path: Path, key: str, content: str
) -> None:
    file = tmp_path / "ca.pem"
    file.write_text(content)
    configure(**DEV, **{key: str(file)})

    with pytest.raises(InputsError, match=f"- {key}: expected certificates"):
        load_settings(ENVIRON)


@pytest.mark.parametrize(
    "url", ["https://user:pw@v:8200", "https://v:0", "https://v:65536", "https://v:82x", "https://"]
)
def test_an_address_holds_a_host_and_a_port_and_no_credential(configure, url: str) -> None:
    configure(**DEV, vaultAddressInCluster=url)

    with pytest.raises(InputsError, match="- vaultAddressInCluster: expected a URL") as caught:
        load_settings(ENVIRON)

    assert ":pw" not in str(caught.value)
