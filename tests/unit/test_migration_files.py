import re
from pathlib import Path

import pytest

from components.kubernetes.files import digest, render, with_included
from components.schema.files import (
    BESIDE,
    FilesError,
    load_migrations,
    load_scripts,
    newest,
    schema_version,
)
from components.vault.agent import AGENT_CONFIG

PROGRAM = ("Makefile", "components", "devstack", "policy", "render", "tools", "upstream")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for part in ("up", "down", "verify"):
        (tmp_path / f"001_first.{part}.sql").write_text("SELECT 1;\n")
    (tmp_path / "verify_migration.sh").write_text("#!/bin/sh\n")
    return tmp_path


def test_the_repositorys_own_migrations_are_accepted() -> None:
    files = load_migrations()

    assert list(files) == [
        "001_create_checkpointer_tables.down.sql",
        "001_create_checkpointer_tables.up.sql",
        "001_create_checkpointer_tables.verify.sql",
        "application_setup.sql",
        "layout_9.sql",
        "mark.sql",
        "rights.sql",
        "session.sql",
        "verify_migration.sh",
    ]
    assert newest(files) == "001"
    assert schema_version(files) == 9


def test_the_containers_scripts_are_all_there() -> None:
    assert set(load_scripts()) == {
        "backup.sh",
        "check_client.sql",
        "connection.sh",
        "drop_invalid_indexes.sql",
        "migrate.sh",
        "show_progress.sql",
        "vault-init.sh",
        "verify.sh",
    }


def test_the_program_names_no_migration_and_no_version() -> None:
    files = load_migrations()
    stems = {name.partition(".")[0] for name in files if name[0].isdigit()}
    named = re.compile(
        "|".join([*stems, r"layout_\d", rf"-{newest(files)}\b"])
        + rf"|\bversion {schema_version(files)}\b"
    )
    program = [
        path
        for name in PROGRAM
        for path in (BESIDE.parent / name, *(BESIDE.parent / name).rglob("*"))
        if path.is_file() and path.suffix in ("", ".py", ".sh", ".sql", ".json", ".yaml")
    ]

    assert len(program) > 100
    assert [str(path) for path in program if named.search(path.read_text(errors="replace"))] == []


def test_two_migrations_of_one_number_are_refused(folder: Path) -> None:
    for part in ("up", "down", "verify"):
        (folder / f"001_another.{part}.sql").write_text("SELECT 1;\n")

    with pytest.raises(FilesError, match=r"expected one name, found 001_another and 001_first"):
        load_migrations(folder)


def test_the_newest_migration_wins(folder: Path) -> None:
    for part in ("up", "down", "verify"):
        (folder / f"002_second.{part}.sql").write_text("SELECT 2;\n")

    assert newest(load_migrations(folder)) == "002"


def test_the_version_is_that_of_the_newest_migrations_layout(folder: Path) -> None:
    for number, version in (("001", 9), ("002", 10)):
        (folder / f"layout_{version}.sql").write_text(f"\\set version {version}\nSELECT 1;\n")
        for part in ("up", "down", "verify"):
            file = folder / f"{number}_{'first' if number == '001' else 'second'}.{part}.sql"
            file.write_text(f"\\ir layout_{version}.sql\n")

    assert schema_version(load_migrations(folder)) == 10


def test_a_migration_without_a_layout_has_no_version(folder: Path) -> None:
    with pytest.raises(FilesError, match="to include one file"):
        schema_version(load_migrations(folder))


def test_included_files_come_with_their_own_includes(folder: Path) -> None:
    (folder / "outer.sql").write_text("\\ir inner.sql\n")
    (folder / "inner.sql").write_text("\\ir outer.sql\n")
    (folder / "other.sql").write_text("SELECT 1;\n")
    (folder / "001_first.down.sql").write_text("\\ir outer.sql\n")

    found = with_included(load_migrations(folder), ["001_first.down.sql"])

    assert found == {"001_first.down.sql", "outer.sql", "inner.sql"}


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("2_short.up.sql", b"SELECT 1;\n", "found '2_short.up.sql'"),
        ("first.up.sql", b"SELECT 1;\n", "found 'first.up.sql'"),
        ("001_first.up.sql", b"\\ir gone.sql\n", "expected gone.sql, which 001_first.up.sql incl"),
        ("002_alone.up.sql", b"SELECT 1;\n", "found no down, verify"),
        ("001_first.up.sql", b"SELECT 1;\r\n", "expected UTF-8 text"),
        ("001_first.up.sql", b"\xef\xbb\xbfSELECT 1;\n", "expected UTF-8 text"),
        ("001_first.up.sql", b"SELECT 1;", "a last newline"),
        ("001_first.up.sql", b"-- " + b"x" * 900_000 + b"\n", "at most 900000 bytes"),
    ],
    ids=[
        "misnamed",
        "no-number",
        "no-include",
        "incomplete",
        "crlf",
        "bom",
        "no-newline",
        "too-large",
    ],
)
def test_bad_files_are_refused(folder: Path, name: str, content: bytes, complaint: str) -> None:
    (folder / name).write_bytes(content)

    with pytest.raises(FilesError, match=complaint):
        load_migrations(folder)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FilesError, match="expected migrations"):
        load_migrations(tmp_path)


def test_equal_content_has_an_equal_digest_whatever_the_order() -> None:
    assert digest({"a": "1", "b": "2"}) == digest({"b": "2", "a": "1"})
    assert digest({"a": "1", "b": "2"}) != digest({"a": "1", "b": "3"})


def test_a_place_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError, match="role"):
        render(AGENT_CONFIG, {"auth_mount": "kubernetes"})
