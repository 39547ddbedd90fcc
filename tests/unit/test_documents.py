import re

from tests.support.deployment import REPOSITORY
from tests.support.documents import BLOCK

FOLLOWED = re.compile(
    r'(?:follow\(\s*\w+, (?:DOCUMENT|"[\w.]+")|\b(?:read|guide|page)\(\w+), '
    r'"([^"]+)"'
)
DOCUMENTS = (
    "adopt.md",
    "deployers.md",
    "destroy.md",
    "operations.md",
    "../migrations/DEPLOYMENT_GUIDE.md",
)


def test_every_command_that_recovers_something_is_run_by_a_test() -> None:
    tests = "".join(path.read_text() for path in (REPOSITORY / "tests").rglob("*.py"))
    pages = [(REPOSITORY / "docs" / name).read_text() for name in DOCUMENTS]
    marked = {name for page in pages for name, _ in BLOCK.findall(page)}

    assert len(marked) > 5
    assert marked == set(FOLLOWED.findall(tests))


COMMANDS = re.compile(r"(<!-- .+? -->\n)?```sh\n")
# Blocks with a place-holder for what only a reader knows, or whose parts other tests run.
NOT_RUN = {
    "CONTRIBUTING.md": 1,
    "README.md": 5,
    "benchmarks/README.md": 1,
    "docs/application.md": 1,
    "docs/backup.md": 6,
    "docs/ci.md": 2,
    "docs/destroy.md": 2,
    "docs/queries.in.md": 1,
    "docs/queries.md": 1,
    "docs/retention.md": 1,
}


def test_no_other_page_has_a_command_that_no_test_runs() -> None:
    pages = [
        path
        for folder in (".", "docs", "migrations", "benchmarks", "devstack")
        for path in (REPOSITORY / folder).glob("*.md")
    ]
    found = {
        page.relative_to(REPOSITORY).as_posix(): COMMANDS.findall(page.read_text()).count("")
        for page in pages
    }

    assert {page: count for page, count in found.items() if count} == NOT_RUN
