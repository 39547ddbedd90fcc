import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from devstack import cache
from devstack.toolchain import archive, golang, programs
from devstack.toolchain.compiler import ToolchainError
from devstack.toolchain.golang import Program

TOOL = Program(name="tool", module="tool", title="a tool")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(autouse=True)
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have one program, which is in the cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(golang, "MODULES", tmp_path)
    monkeypatch.setattr(programs, "EVERYTHING", (TOOL,))
    (tmp_path / "tool").mkdir()
    (tmp_path / "tool" / "go.mod").write_text("module tool\n")
    write_program()


def write_program() -> None:
    folder = cache.root() / TOOL.key
    folder.mkdir(parents=True)
    (folder / "tool").write_text("#!/bin/sh\n")
    (folder / "tool").chmod(0o755)


@pytest.fixture
def packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an archive of the program, which the cache no longer has."""
    path = tmp_path / "served" / "tools.tar.gz"
    path.parent.mkdir()
    archive.pack(path, lambda _: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    return path


@pytest.fixture
def server(packed: Path) -> Iterator[str]:
    handler = partial(Quiet, directory=str(packed.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/{packed.name}"
        server.shutdown()
        thread.join()


@pytest.fixture(params=["file", "url"])
def source(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    fixture = "packed" if request.param == "file" else "server"
    named = str(request.getfixturevalue(fixture))
    monkeypatch.setenv(archive.TOOLCHAIN, named)
    return named


def test_programs_are_taken_from_an_archive(source: str) -> None:
    said: list[str] = []

    archive.unpack([TOOL], said.append)

    built = cache.root() / TOOL.key / "tool"
    assert built.read_text() == "#!/bin/sh\n"
    assert built.stat().st_mode & 0o777 == 0o755
    assert said == [f"took 1 of 1 programs from {source}"]
    assert not list(cache.root().glob(".archive.*"))


def test_an_archive_with_another_checksum_is_refused_in_a_sentence(
    source: str, packed: Path
) -> None:
    packed.write_bytes(packed.read_bytes() + b"\n")

    with pytest.raises(ToolchainError) as refused:
        archive.unpack([TOOL], lambda _: None)

    assert f"TOOLCHAIN: expected {source} to have the checksum" in str(refused.value)
    assert "run without TOOLCHAIN to build the tools" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not golang.is_built(TOOL)


@pytest.mark.parametrize("suffix", ["", ".sha256"])
def test_an_archive_that_is_not_there_is_told(source: str, packed: Path, suffix: str) -> None:
    packed.with_name(packed.name + suffix).unlink()

    with pytest.raises(
        ToolchainError, match=f"expected to read {source}{suffix}, found: .*: check"
    ):
        archive.unpack([TOOL], lambda _: None)


def test_of_another_release_nothing_is_taken(source: str, tmp_path: Path) -> None:
    (tmp_path / "tool" / "go.mod").write_text("module tool\n\nrequire example.com/x v1.2.3\n")
    said: list[str] = []

    archive.unpack([TOOL], said.append)

    assert said == [f"took 0 of 1 programs from {source}"]
    assert not golang.is_built(TOOL)


def test_an_archive_is_not_read_when_nothing_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(archive.TOOLCHAIN, "/nowhere")

    archive.unpack([TOOL], lambda _: None)


def test_the_checksum_is_one_that_sha256sum_reads(packed: Path) -> None:
    checksum, name = packed.with_name(f"{packed.name}.sha256").read_text().split()

    assert (len(checksum), name) == (64, packed.name)
