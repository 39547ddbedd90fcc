import re

from tests.support.causes import CAUSES
from tests.support.deployment import REPOSITORY
from tools.failure_table import PAGE, page, recordings, sections

RECORDED = re.compile(r'compare(?:_line)?\(\s*"([^"]+)"')


def test_every_cause_is_described_broken_by_a_test_and_recorded() -> None:
    described = [cause for causes in sections().values() for cause in causes]
    tests = (REPOSITORY / "tests").rglob("test_*.py")
    elsewhere = {cause for test in tests for cause in RECORDED.findall(test.read_text())}

    assert len(described) == len(set(described))
    assert set(described) == CAUSES.keys() | elsewhere == recordings().keys()


def test_every_cure_is_run_by_a_test_that_exists() -> None:
    for causes in sections().values():
        for cause, text in causes.items():
            path, _, name = text["cured by"].partition("::")
            tests = (REPOSITORY / path).read_text()
            assert re.search(rf"^def {name}\(", tests, re.M), f"{cause}: no {text['cured by']}"
            assert name.startswith("test_")


def test_the_page_is_made_of_todays_recordings() -> None:
    assert page() == PAGE.read_text(), "run: python -m tools.failure_table"


def test_no_sentence_is_only_kubernetes_own() -> None:
    for recording in recordings().values():
        assert "BackoffLimitExceeded" not in recording["sentence"]
        assert "DeadlineExceeded" not in recording["sentence"]
