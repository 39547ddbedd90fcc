"""Reads an upstream migration: what it makes, and how the draft repeats it."""

import re
from dataclasses import dataclass

_NAME = r"(\w+)"
_ADD_COLUMN = re.compile(
    rf"ALTER TABLE (?:IF EXISTS )?(?:ONLY )?{_NAME} ADD (?:COLUMN )?(?:IF NOT EXISTS )?{_NAME} .+",
    re.IGNORECASE,
)
_CREATE_INDEX = re.compile(
    rf"CREATE (?:UNIQUE )?INDEX (?:CONCURRENTLY )?(?:IF NOT EXISTS )?{_NAME} ON .+", re.IGNORECASE
)
_CREATE_TABLE = re.compile(rf"CREATE TABLE (?:IF NOT EXISTS )?{_NAME} ?\(.+", re.IGNORECASE)
_NOTHING = re.compile(r"(?:SELECT 1)?", re.IGNORECASE)
_NOT_A_COLUMN = {"constraint", "primary", "unique", "check", "foreign", "exclude"}
_INDEX = re.compile(r"\bINDEX\s+(?:CONCURRENTLY\s+)?", re.IGNORECASE)


@dataclass(frozen=True)
class Statement:
    """One upstream text; `made` is a kind, a table and a name, None where a human has to look."""

    version: int
    text: str
    changed: bool = False
    made: tuple[str, str, str] | None = None

    @property
    def slug(self) -> str:
        """What the text does, for a file name: no digits, as the naming rule wants it."""
        if not self.made or self.made[0] == "nothing":
            return "follow_upstream"
        kind, table, name = self.made
        words = {"column": f"add_{table}_{name}", "index": f"create_{name}"}
        words["table"] = f"create_{name}"
        return re.sub(r"[^a-z]+", "_", words[kind].lower()).strip("_")

    @property
    def decided(self) -> bool:
        """Whether what is to be run follows from the text; a table needs rights, too."""
        return self.template != "other"

    @property
    def template(self) -> str:
        """The template of its step in the up file."""
        kind = self.made[0] if self.made and not self.changed else ""
        return kind if kind in ("column", "index", "nothing") else "other"

    @property
    def object(self) -> str:
        """What the layout calls the thing that it makes."""
        _, table, name = self.made or ("", "", "")
        return f"{table}.{name}" if table and table != name else name

    @property
    def layout_rows(self) -> list[str]:
        """What the layout has to say of it, for the human who writes the rows."""
        if not self.made or self.template == "nothing":
            return [] if self.made else [f"what version {self.version} makes"]
        tables = {"column": "wanted_column, later_column", "index": "wanted_index"}
        return [f"{tables.get(self.made[0], 'wanted_table, wanted_column')}: {self.object}"]

    @property
    def statement(self) -> str:
        """The text as empty tables get it: an index in their transaction."""
        text = self.text.strip()
        if self.template == "index":
            text = _INDEX.sub("INDEX ", text, count=1)
        return text if not text or text.endswith(";") else f"{text};"

    @property
    def concurrent(self) -> str:
        """The text of an index as it is built beside the traffic."""
        return _INDEX.sub("INDEX CONCURRENTLY ", self.statement, count=1)


def read(version: int, text: str, *, changed: bool = False) -> Statement:
    """Return a text with what it makes, where that follows from the text alone."""
    flat = " ".join(re.sub(r"--[^\n]*", "", text).split()).removesuffix(";").strip()
    made = None
    if ";" not in flat:
        if _NOTHING.fullmatch(flat):
            made = ("nothing", "", "")
        elif match := _CREATE_TABLE.fullmatch(flat):
            made = ("table", match[1], match[1])
        elif match := _CREATE_INDEX.fullmatch(flat):
            made = ("index", "", match[1])
        elif (match := _ADD_COLUMN.fullmatch(flat)) and _adds_one_column(match):
            made = ("column", match[1], match[2])
    return Statement(version, text, changed, made)


def _adds_one_column(match: re.Match[str]) -> bool:
    # A comma outside of parentheses begins a second action.
    outside, count = match[0], 1
    while count:
        outside, count = re.subn(r"\([^()]*\)", "", outside)
    return "," not in outside and match[2].lower() not in _NOT_A_COLUMN
