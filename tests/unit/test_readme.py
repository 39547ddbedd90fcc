import re

from tools import config_table, input_table
from tools.config_table import REPOSITORY

README = (REPOSITORY / "README.md").read_text()


def test_the_project_file_and_the_pages_are_those_of_the_inputs() -> None:
    for path, expected in (
        (config_table.PROJECT, config_table.project()),
        (config_table.PAGE, config_table.page()),
        (input_table.PAGE, input_table.page()),
    ):
        assert path.read_text() == expected, "run: python -m tools.config_table, tools.input_table"
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
