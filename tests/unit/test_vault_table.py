from tests.support.vault_cases import CASES
from tools.vault_table import DIFFERENCES, OPENBAO, OTHERS, PAGE, differences, page, recordings


def test_every_case_is_recorded_on_every_server() -> None:
    assert {*recordings()} == {*CASES}
    assert {tuple(seen) for seen in recordings().values()} == {(OPENBAO, *OTHERS)}


def test_the_servers_say_the_same_but_for_what_is_named() -> None:
    assert differences().keys() == DIFFERENCES.keys()


def test_the_page_is_made_of_todays_recordings() -> None:
    assert page() == PAGE.read_text(), "run: python -m tools.vault_table"
