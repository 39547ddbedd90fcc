import re

from tools import input_table
from tools.config_table import HEAD, PAGE, REPOSITORY, table

README = (REPOSITORY / "README.md").read_text()


def test_the_table_of_settings_is_that_of_the_project_file() -> None:
    assert PAGE.read_text() == HEAD + table(), "run: python -m tools.config_table"


def test_the_page_of_inputs_is_that_of_the_components_types() -> None:
    expected = input_table.page()

    assert input_table.PAGE.read_text() == expected, "run: python -m tools.input_table"
    assert "None" not in expected


def test_it_is_short_enough_to_be_read() -> None:
    assert README.count("\n") <= 250


def test_no_place_holder_is_left() -> None:
    assert not re.findall(r"\b[A-Z]+_(?:COLD|OUTPUT)\b|TODO", README)


def test_every_make_target_and_linked_file_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(), re.M))

    assert set(re.findall(r"`?make ([a-z]+)", README)) <= targets
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (REPOSITORY / link).exists(), link
