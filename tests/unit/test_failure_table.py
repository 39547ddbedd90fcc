from docs.failure_table import PAGE, causes, page, recordings
from tests.support.causes import CAUSES


def test_every_cause_is_described_broken_by_a_test_and_recorded() -> None:
    assert causes().keys() == CAUSES.keys() == recordings().keys()


def test_the_page_is_made_of_todays_recordings() -> None:
    assert page() == PAGE.read_text(), "run: python -m docs.failure_table"


def test_no_sentence_is_only_kubernetes_own() -> None:
    for recording in recordings().values():
        assert "BackoffLimitExceeded" not in recording["sentence"]
        assert "DeadlineExceeded" not in recording["sentence"]
