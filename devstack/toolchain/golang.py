"""Builds the programs whose Go modules lie in this folder."""

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devstack import cache
from devstack.toolchain import compiler
from devstack.toolchain.compiler import ToolchainError
from devstack.toolchain.patched import Patched
from devstack.toolchain.progress import Progress, Speed, in_words

MODULES = Path(__file__).parent


@dataclass(frozen=True)
class Program:
    """One program built from the Go module in the folder `module`."""

    name: str
    module: str
    title: str
    package: str = "."
    tags: str = ""
    variables: tuple[str, ...] = ()
    """Go string variables set at link time, as `import/path.Name=value`."""
    embeds: tuple[str, ...] = ()
    """A Go module and the files of it that `main.go` embeds, relative to that module."""
    patched: tuple[Patched, ...] = ()

    @property
    def flags(self) -> list[str]:
        """What `go build` is called with, apart from the output and the package."""
        link = " ".join(["-s", "-w", *(f"-X {variable}" for variable in self.variables)])
        # `-s -w` leaves the debug information out of the program: do not make it at all.
        compile_ = "-gcflags=all=-dwarf=false"
        return ["-trimpath", "-buildvcs=false", compile_, f"-tags={self.tags}", f"-ldflags={link}"]

    @property
    def key(self) -> str:
        """Name of the cache folder: changes with the sources, the flags and the embedded files.

        The Go release is left out on purpose: a patch of the compiler must not cost a rebuild.
        """
        files = _sources(MODULES / self.module)
        contents = [part for name, file in files for part in (name, file.read_bytes())]
        changes = [*self.embeds, *map(repr, self.patched)]
        return f"{self.name}-{cache.digest([*contents, *self.flags, self.package, *changes])}"


def required_version(module: str, path: str) -> str:
    """Return the version of `path` that the go.mod of the folder `module` asks for."""
    text = (MODULES / module / "go.mod").read_text()
    match = re.search(rf"^\s*(?:require )?{re.escape(path)} (v\S+)", text, re.MULTILINE)
    if match is None:
        msg = f"{module}/go.mod does not require {path}"
        raise ToolchainError(msg)
    return match[1]


def is_built(program: Program) -> bool:
    """Tell whether the cache has the program."""
    return (cache.root() / program.key).is_dir()


class Ahead:
    """Sources that are fetched while others are compiled, so that neither waits for the other."""

    def __init__(self, folder: Path, pool: ThreadPoolExecutor) -> None:
        self._folder, self._pool = folder, pool
        self._fetched: dict[str, Future[None]] = {}

    def fetch(self, program: Program, go: Path) -> None:
        """Begin to fetch the sources of a program, after those that were asked for before."""
        folder = self._folder / program.name
        self._fetched[program.name] = self._pool.submit(_fetch, go, program, folder)

    def take(self, program: Program, folder: Path) -> bool:
        """Move the sources of a program to `folder`; tell whether they were asked for."""
        fetched = self._fetched.pop(program.name, None)
        if fetched is not None:
            fetched.result()
            shutil.move(self._folder / program.name, folder)
        return fetched is not None


@contextmanager
def fetching(programs: Sequence[Program], report: Callable[[str], None]) -> Iterator[Ahead]:
    """Fetch the sources of those programs that are yet to be built, in this order."""
    missing = [program for program in programs if not is_built(program)]
    cache.root().mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix=".sources.", dir=cache.root()) as folder,
        ThreadPoolExecutor(max_workers=1) as pool,
    ):
        ahead = Ahead(Path(folder), pool)
        for program in missing:
            ahead.fetch(program, compiler.go(report))
        try:
            yield ahead
        finally:
            pool.shutdown(cancel_futures=True)


def build(program: Program, report: Callable[[str], None], ahead: Ahead | None = None) -> Path:
    """Return the built program, from the cache or by building it now.

    Raises:
        ToolchainError: Go is not to be had, or the build failed.
    """

    def fill(scratch: Path) -> None:
        go = compiler.go(report)
        report(f"building {program.title} …")
        sources = scratch / "sources"
        if ahead is None or not ahead.take(program, sources):
            _fetch(go, program, sources)
        _compile(go, program, sources, report)
        shutil.rmtree(sources)

    built = cache.folder(
        program.key, fill, lambda: report(f"waiting for another process to build {program.title}")
    )
    return built / program.name


def _sources(module: Path) -> list[tuple[str, Path]]:
    files = sorted(file for file in module.rglob("*") if _is_source(file))
    return [(str(file.relative_to(module)), file) for file in files]


def _is_source(file: Path) -> bool:
    return file.suffix in {".go", ".mod", ".sum"} and not file.name.endswith("_test.go")


def _fetch(go: Path, program: Program, sources: Path) -> None:
    """Make the folder that a program is built in, with all modules it needs in Go's cache."""
    sources.mkdir()
    for name, file in _sources(MODULES / program.module):
        (sources / name).parent.mkdir(exist_ok=True)
        shutil.copy(file, sources / name)
    if program.embeds:
        module, *files = program.embeds
        origin = compiler.download(go, module, sources)
        for file in files:
            shutil.copyfile(origin / file, sources / Path(file).name)
    for patched in program.patched:
        patched.copy(sources, lambda module: compiler.download(go, module, sources))
    # Unlike `go mod download` this fetches what is compiled and nothing else.
    arguments = ["list", "-deps", f"-tags={program.tags}", "-f={{.Name}}", program.package]
    compiler.run(go, arguments, sources, f"fetching the sources of {program.title}")


def _compile(go: Path, program: Program, sources: Path, report: Callable[[str], None]) -> None:
    purpose = f"building {program.title}"
    stale = "-f={{.ImportPath}} {{.Stale}}"
    arguments = ["list", "-deps", *program.flags, stale, program.package]
    listed = compiler.run(go, arguments, sources, purpose).splitlines()
    missing = {line.removesuffix(" true") for line in listed if line.endswith(" true")}
    if len(missing) < len(listed):
        report(
            f"  {len(listed) - len(missing)} of {len(listed)} packages are in Go's cache already"
        )
    progress = Progress(len(missing), report, Speed())
    arguments = ["build", "-v", *program.flags, "-o", str(sources.parent), program.package]
    with progress.shown(), compiler.started(go, arguments, sources, purpose) as lines:
        for line in lines:
            # `-v` prints a package when it is about to be compiled, among what is said besides.
            if line.strip() in missing:
                progress.done += 1
    report(f"… done in {in_words(progress.seconds)}")
