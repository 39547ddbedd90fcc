"""The node's control groups lie below the caller's own, or at the top of the unified hierarchy."""

import json
from pathlib import Path

import pytest

from devstack import cgroups
from devstack.errors import StackError

ROOT = Path("/sys/fs/cgroup")


def test_older_hierarchies_each_get_a_group_below_the_callers_own() -> None:
    own = "5:name=systemd:/\n4:memory:/session/7\n3:cpu,cpuacct:/\n0::/\n"

    groups = cgroups._groups("lgc200", own)

    assert groups.roots == [
        ROOT / "systemd/lgc200",
        ROOT / "memory/session/7/lgc200",
        ROOT / "cpu,cpuacct/lgc200",
    ]
    assert groups.leaves == []


def test_the_unified_hierarchy_gets_one_group_with_a_place_for_the_daemons() -> None:
    groups = cgroups._groups("lgc200", "0::/user.slice/session-1.scope\n")

    assert groups.roots == [ROOT / "lgc200"]
    assert groups.leaves == [ROOT / "lgc200/daemons"]


def test_groups_are_removed_with_all_below_them(tmp_path: Path) -> None:
    group, record = tmp_path / "group", tmp_path / "record"
    (group / "kubepods" / "pod1").mkdir(parents=True)
    record.write_text(json.dumps([str(group), str(tmp_path / "never made")]))

    cgroups.remove(record)

    assert not group.exists()
    assert not record.exists()


def test_a_group_that_stays_occupied_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group, record = tmp_path / "group", tmp_path / "record"
    group.mkdir()
    (group / "occupied").touch()
    record.write_text(json.dumps([str(group)]))
    monkeypatch.setattr(cgroups, "_REMOVAL_SECONDS", 0.1)

    with pytest.raises(StackError, match="to be empty, found processes"):
        cgroups.remove(record)

    assert record.exists()
