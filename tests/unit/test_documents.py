"""No page has a command that no test runs, but for a few that are counted here."""

import ast
import re
from collections import Counter
from collections.abc import Iterator

from tests.support.deployment import REPOSITORY

FOLDERS = (".", "docs", "migrations", "benchmarks", "devstack")
FENCE = re.compile(r"(?:<!-- ([\w ]+) -->\n)?```(?:sh|sql)\n")
# Blocks with a place-holder for what only a reader knows, or that start or test everything.
NOT_RUN = {
    "CONTRIBUTING.md": 1,
    "README.md": 2,
    "benchmarks/README.md": 1,
    "docs/operations.md": 1,
}
# The page and the block that these functions run: their arguments' places.
RUNNERS: dict[str, tuple[int | str, int]] = {"follow": (1, 2), "commands": (0, 1)}

Block = tuple[str, str]


def blocks() -> Iterator[Block]:
    """Yield every block of commands: its page, and its name or nothing."""
    for folder in FOLDERS:
        for path in (REPOSITORY / folder).glob("*.md"):
            # A page that is written from another has the same blocks.
            if not path.name.endswith(".in.md"):
                page = path.relative_to(REPOSITORY).as_posix()
                yield from ((page, name) for name in FENCE.findall(path.read_text()))


def followed(source: str) -> set[Block]:
    """Return the blocks that a file of tests runs, also through functions of its own."""
    tree = ast.parse(source)
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }

    def text(argument: ast.expr) -> str:
        node = constants.get(argument.id) if isinstance(argument, ast.Name) else argument
        return str(node.value) if isinstance(node, ast.Constant) else ""

    def run(part: ast.AST, runners: dict[str, tuple[int | str, int]]) -> Iterator[Block]:
        for call in ast.walk(part):
            if isinstance(call, ast.Call) and (name := getattr(call.func, "id", "")) in runners:
                page, block = runners[name]
                yield (
                    page if isinstance(page, str) else text(call.args[page]),
                    text(call.args[block]),
                )

    own = {
        function.name: (page, [one.arg for one in function.args.args].index("block"))
        for function in tree.body
        if isinstance(function, ast.FunctionDef)
        for page, block in run(function, RUNNERS)
        if not block
    }
    return {(page, block) for page, block in run(tree, RUNNERS | own) if block}


def test_every_named_block_is_run_by_a_test_and_every_test_runs_one_that_is_there() -> None:
    named = [(page, name) for page, name in blocks() if name]
    tests = (path.read_text() for path in (REPOSITORY / "tests").rglob("*.py"))

    assert len(named) == len(set(named)) > 40
    assert set(named) == set().union(*map(followed, tests))


def test_every_log_that_a_page_shows_is_that_of_all_containers() -> None:
    # Without the options kubectl asks for the main container, which after a failed init container
    # has no log, and the sentence stays hidden.
    sources = [path for folder in FOLDERS for path in (REPOSITORY / folder).glob("*.md")]
    sources += (REPOSITORY / "devstack").glob("*.py")
    joined = (path.read_text().replace("\\\n", " ") for path in sources)
    shown = [line for text in joined for line in re.findall(r"kubectl .*\blogs .*", text)]

    assert len(shown) > 6
    assert [line for line in shown if "--all-containers --ignore-errors" not in line] == []


def test_no_other_page_has_a_command_that_no_test_runs() -> None:
    assert Counter(page for page, name in blocks() if not name) == NOT_RUN
