"""Go modules that are built with a few changes, made in a copy: none of their code lies here."""

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from devstack.errors import StackError


@dataclass(frozen=True)
class Patched:
    """A module that go.mod replaces by a folder: its files as published, with a few changes."""

    module: str
    """Path and version, as `import/path@version`."""
    folder: str
    """The folder that go.mod names."""
    edits: tuple[tuple[str, str, str], ...] = ()
    """A file, what stands in it once, and what is to stand there."""
    without: tuple[tuple[str, str], ...] = ()
    """A file, and an expression for names whose lines are left out."""
    others: tuple[tuple[str, str], ...] = ()
    """Another release of the module, and a file that is taken from it."""
    spans: tuple[tuple[str, str, str, str], ...] = ()
    """A file, how one span of it begins and ends, and what is to stand in its place.

    The beginning stands once; the end is the first one after it.
    """
    absent: tuple[str, ...] = ()
    """Files and folders that are left out."""
    added: tuple[tuple[str, str], ...] = ()
    """A file beside go.mod, and where in the module it is to stand."""

    def copy(self, sources: Path, download: Callable[[str], Path]) -> None:
        """Make the folder; `download` returns where the files of a module are.

        Raises:
            StackError: a file is not the one that the edits were made for.
        """
        folder, name = sources / self.folder, self.module.partition("@")[0]
        # The module cache is read-only, and copies of its folders could not be removed.
        # Nor is a test of theirs ever compiled here.
        shutil.copytree(
            download(self.module),
            folder,
            copy_function=shutil.copyfile,
            ignore=shutil.ignore_patterns("*_test.go", "testdata"),
        )
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755)
        for version, file in self.others:
            shutil.copyfile(download(f"{name}@{version}") / file, folder / file)
        for name in self.absent:
            path = folder / name
            if not path.exists():
                message = f"expected {name} in {self.module}, found none"
                raise StackError(message)
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for ours, file in self.added:
            shutil.copyfile(sources / ours, folder / file)
        for file, names in self.without:
            text = (folder / file).read_text()
            line = re.compile(rf"^.*\b(?:{names})\b.*\n", re.MULTILINE)
            (folder / file).write_text(line.sub("", text))
        for file, begin, end, after in self.spans:
            text = (folder / file).read_text()
            before, found, rest = text.partition(begin)
            _, ended, rest = rest.partition(end)
            if not (found and ended) or text.count(begin) != 1:
                what = f"{begin!r} to {end!r} once in {file} of {self.module}"
                message = f"expected {what}, found another text"
                raise StackError(message)
            (folder / file).write_text(before + after + rest)
        for file, before, after in self.edits:
            text = (folder / file).read_text()
            if text.count(before) != 1:
                message = f"expected {before!r} once in {file} of {self.module}, found another text"
                raise StackError(message)
            (folder / file).write_text(text.replace(before, after))
