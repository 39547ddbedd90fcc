from pathlib import Path

import pytest

from devstack.errors import StackError
from devstack.toolchain.patched import Patched

PLUGINS = """import (
	one "example.com/one"
	two "example.com/two"
)

var plugins = map[string]any{"one": one.New, "only": only.New}
var others = map[string]any{
	"two": two.New,
}
"""


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """Return modules as the module cache has them: read-only, a folder a version."""
    for version in ("v1", "v2"):
        module = tmp_path / f"example.com/x@{version}"
        (module / "sub").mkdir(parents=True)
        (module / "sub" / "plugins.go").write_text(PLUGINS)
        (module / "version.go").write_text(f"const version = {version!r}\n")
        for path in (module / "sub" / "plugins.go", module / "sub", module):
            path.chmod(0o555)
    return tmp_path


def copy(published: Path, **changes: object) -> Path:
    sources = published / "sources"
    sources.mkdir(exist_ok=True)
    patched = Patched("example.com/x@v1", "x", **changes)  # pyright: ignore[reportArgumentType]
    patched.copy(sources, lambda module: published / module)
    return sources / "x"


def test_lines_with_a_name_are_left_out(published: Path) -> None:
    folder = copy(published, without=(("sub/plugins.go", "two"),))

    text = (folder / "sub" / "plugins.go").read_text()
    assert "two" not in text
    assert text.count("\n") == PLUGINS.count("\n") - 2
    assert (published / "example.com/x@v1/sub/plugins.go").read_text() == PLUGINS


def test_a_file_may_be_another_releases(published: Path) -> None:
    folder = copy(published, others=(("v2", "version.go"),))

    assert (folder / "version.go").read_text() == "const version = 'v2'\n"


def test_an_edit_changes_what_stands_there_once(published: Path) -> None:
    folder = copy(published, edits=(("version.go", "'v1'", "'v1+'"),))

    assert (folder / "version.go").read_text() == "const version = 'v1+'\n"


def test_an_edit_of_another_text_is_refused(published: Path) -> None:
    with pytest.raises(StackError, match="expected 'v3' once in version"):
        copy(published, edits=(("version.go", "v3", "v4"),))


def test_a_span_is_replaced_to_its_first_end(published: Path) -> None:
    folder = copy(published, spans=(("sub/plugins.go", "var others", "}\n", "// none\n"),))

    text = (folder / "sub" / "plugins.go").read_text()
    assert text == PLUGINS[: PLUGINS.index("var others")] + "// none\n"


@pytest.mark.parametrize(
    ("begin", "end"), [("gone", ")"), ("import", "gone"), ("example.com", ")")]
)
def test_a_span_of_another_text_is_refused(published: Path, begin: str, end: str) -> None:
    with pytest.raises(StackError, match="once in sub/plugins"):
        copy(published, spans=(("sub/plugins.go", begin, end, ""),))


def test_files_and_folders_may_be_absent_and_tests_always_are(published: Path) -> None:
    module = published / "example.com/x@v1"
    module.chmod(0o755)
    (module / "version_test.go").write_text("package x\n")

    folder = copy(published, absent=("sub",))

    assert [path.name for path in folder.iterdir()] == ["version.go"]


def test_a_file_of_ours_may_be_added(published: Path) -> None:
    (published / "sources").mkdir()
    (published / "sources" / "ours.go").write_text("package x\n")

    folder = copy(published, added=(("ours.go", "sub/left_out.go"),))

    assert (folder / "sub" / "left_out.go").read_text() == "package x\n"


def test_what_is_absent_must_have_been_there(published: Path) -> None:
    with pytest.raises(StackError, match=r"expected gone\.go in example\.com/x@v1, found none"):
        copy(published, absent=("gone.go",))
