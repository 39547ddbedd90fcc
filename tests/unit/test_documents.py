import re

from tests.support.deployment import REPOSITORY
from tests.support.documents import BLOCK

FOLLOWED = re.compile(r'follow\(\s*\w+, (?:DOCUMENT|"[\w.]+"), "([^"]+)"')
DOCUMENTS = ("adopt.md", "destroy.md")


def test_every_command_that_recovers_something_is_run_by_a_test() -> None:
    tests = "".join(path.read_text() for path in (REPOSITORY / "tests").rglob("*.py"))
    pages = [(REPOSITORY / "docs" / name).read_text() for name in DOCUMENTS]
    marked = {name for page in pages for name, _ in BLOCK.findall(page)}

    assert len(marked) > 5
    assert marked == set(FOLLOWED.findall(tests))
