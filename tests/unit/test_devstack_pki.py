"""Every certificate says what its user is and comes from the stack's own authority."""

import stat
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.x509.oid import NameOID

from devstack import pki
from devstack.addresses import Network
from devstack.layout import Stack


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    made = Stack(
        name="one",
        folder=tmp_path_factory.mktemp("one"),
        network=Network(200),
        database_password="",
        tools=Path("/tools"),
        images=Path("/images"),
    )
    pki.issue(made)
    return made


def certificate(stack: Stack, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((stack.pki / f"{name}.crt").read_bytes())


@pytest.mark.parametrize(
    ("name", "user", "group"),
    [
        ("admin", "admin", "system:masters"),
        ("kubelet", "system:node:devstack", "system:nodes"),
        ("scheduler", "system:kube-scheduler", None),
    ],
)
def test_a_client_certificate_names_the_user_and_its_group(
    issued: Stack, name: str, user: str, group: str | None
) -> None:
    subject = certificate(issued, name).subject
    groups = [item.value for item in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]

    assert [item.value for item in subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == [user]
    assert group in groups if group else not any(str(each).startswith("system:") for each in groups)


@pytest.mark.parametrize("name", ["apiserver", "vault", "postgresql"])
def test_a_server_certificate_is_good_for_the_stacks_address_and_for_localhost(
    issued: Stack, name: str
) -> None:
    names = certificate(issued, name).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    addresses = [str(address) for address in names.value.get_values_for_type(x509.IPAddress)]

    assert {"10.200.0.1", "127.0.0.1"} <= set(addresses)
    assert "localhost" in names.value.get_values_for_type(x509.DNSName)


def test_all_certificates_come_from_the_stacks_authority(issued: Stack) -> None:
    authority = certificate(issued, "ca")

    for path in issued.pki.glob("*.crt"):
        certificate(issued, path.stem).verify_directly_issued_by(authority)


def test_keys_and_kubeconfigs_are_readable_by_their_owner_only(issued: Stack) -> None:
    private = [*issued.pki.glob("*.key"), *issued.pki.glob("*.kubeconfig")]

    assert private
    assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}


def test_the_kubeconfig_points_at_the_api_server(issued: Stack) -> None:
    config = yaml.safe_load(issued.kubeconfig("admin").read_text())

    assert config["clusters"][0]["cluster"]["server"] == "https://10.200.0.1:6443"
    assert config["users"][0]["name"] == "admin"


def test_a_second_issue_changes_nothing(issued: Stack) -> None:
    before = {path: path.read_bytes() for path in issued.pki.iterdir()}

    pki.issue(issued)

    assert {path: path.read_bytes() for path in issued.pki.iterdir()} == before
