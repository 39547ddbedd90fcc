"""Stacks are recorded in folders of their own, with addresses nobody else has."""

import re
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from devstack import layout, network, templates
from devstack.addresses import Network
from devstack.errors import StackError
from devstack.layout import Stack

CONFIG = Path(templates.__file__).with_name("config")


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """Return a stack that is recorded but was never started."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    made = Stack(
        name="one",
        folder=layout.run_folder("one"),
        network=Network(200),
        database_password="secret",
        tools=Path("/tools"),
        images=Path("/images"),
    )
    made.make_folders()
    made.save()
    return made


def test_a_recorded_stack_reads_back(recorded: Stack) -> None:
    assert layout.load("one") == recorded
    assert layout.recorded() == [recorded]
    assert layout.exists("one")


def test_the_record_is_readable_by_its_owner_only(recorded: Stack) -> None:
    record = recorded.folder / "settings.json"

    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    assert stat.S_IMODE(recorded.folder.stat().st_mode) == 0o700


def test_an_unknown_stack_is_one_sentence(recorded: Stack) -> None:
    with pytest.raises(StackError, match=r"there is no stack 'two': start it with .* up`"):
        layout.load("two")


@pytest.mark.parametrize("text", ["{}", "[]", "", '{"name": "one"}'])
def test_a_record_of_another_version_is_one_sentence(recorded: Stack, text: str) -> None:
    (recorded.folder / "settings.json").write_text(text)

    with pytest.raises(StackError, match=r"expected the record of a stack in .* remove"):
        layout.load("one")


@pytest.mark.parametrize("name", ["", "../up", "A", "a b", "x" * 31, "-x"])
def test_a_name_that_is_no_folder_is_refused(name: str) -> None:
    with pytest.raises(StackError, match="expected a stack name"):
        layout.check_name(name)


def test_all_addresses_lie_in_the_range_of_the_stack() -> None:
    one, other = Network(200), Network(201)

    assert one.host.startswith("10.200.0.")
    assert one.interface != other.interface
    assert one.range != other.range
    assert one.loopback != other.loopback


def test_a_network_another_stack_has_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "conflict", lambda _: None)

    assert network.choose([Network(200), Network(202)]) == Network(201)


def test_a_network_the_machine_uses_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "conflict", lambda candidate: candidate.number < 205)

    assert network.choose([]) == Network(205)


def test_no_free_network_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "conflict", lambda _: "eth0")

    with pytest.raises(StackError, match="expected a free network"):
        network.choose([])


@pytest.mark.parametrize(
    ("destination", "device", "user"),
    [
        ("10.200.1.0/24", "lgc200", None),
        ("10.201.0.0/22", "lgc201", None),
        ("default", "eth0", None),
        ("10.0.0.0/8", "eth0", "eth0"),
        ("10.200.3.7", "wg0", "wg0"),
    ],
    ids=["its own route", "another stack's", "default route", "a wider range", "one address in it"],
)
def test_a_range_conflicts_with_routes_that_overlap_it(
    monkeypatch: pytest.MonkeyPatch, destination: str, device: str, user: str | None
) -> None:
    routes = [{"dst": destination, "dev": device}]
    monkeypatch.setattr(network, "_ip_json", lambda *_: routes)

    assert network.conflict(Network(200)) == user


@pytest.mark.parametrize("path", sorted(CONFIG.iterdir()), ids=lambda path: path.name)
def test_a_configuration_file_refers_to_known_values_only(path: Path, recorded: Stack) -> None:
    extra = {
        "containerd.toml": {"store", "state", "snapshotter", "network_config"},
        "kubeconfig.yaml": {"user", "ca", "certificate", "key"},
    }
    known = recorded.values().keys() | extra.get(path.name, set())

    assert set(re.findall(r"\$(\w+)", path.read_text())) <= known


def test_flags_have_no_comments_and_no_placeholders(recorded: Stack) -> None:
    flags = templates.flags("etcd", recorded.values())

    assert f"--data-dir={recorded.folder}/etcd" in flags
    assert all(flag.startswith("--") and "$" not in flag for flag in flags)


def test_a_missing_value_is_not_rendered(recorded: Stack) -> None:
    with pytest.raises(KeyError):
        templates.render("containerd.toml", recorded.values())


def test_tools_of_today_replace_those_of_the_record(recorded: Stack) -> None:
    replace(recorded, tools=Path("/newer")).save()

    assert layout.load("one").tools == Path("/newer")
