"""Reads an upstream migration: what it makes, and what would take that back."""

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


@dataclass(frozen=True)
class Statement:
    """One upstream text; `made` is a kind, a table and a name, None where a human has to look."""

    version: int
    text: str
    changed: bool = False
    made: tuple[str, str, str] | None = None
    undo: str | None = None

    @property
    def slug(self) -> str:
        """What the text does, for a file name: no digits, as the naming rule wants it."""
        if not self.made:
            return "follow_upstream"
        kind, table, name = self.made
        words = {"column": f"add_{table}_{name}", "index": f"create_{name}"}
        words["table"] = f"create_{name}"
        return re.sub(r"[^a-z]+", "_", words[kind].lower()).strip("_")

    @property
    def concurrent(self) -> bool:
        """Whether it builds an index beside the traffic, which no lock_timeout may cut short."""
        return re.search(r"\bCONCURRENTLY\b", self.text, re.IGNORECASE) is not None

    @property
    def decided(self) -> bool:
        """Whether everything about it could be derived."""
        return self.undo is not None and not self.changed


def read(version: int, text: str, *, changed: bool = False) -> Statement:
    """Return a text with its reversal, where that follows from the text alone."""
    flat = " ".join(re.sub(r"--[^\n]*", "", text).split()).removesuffix(";").strip()
    made, undo = None, None
    if ";" not in flat:
        if _NOTHING.fullmatch(flat):
            undo = ""
        elif match := _CREATE_TABLE.fullmatch(flat):
            made = ("table", match[1], match[1])
            undo = f"-- squawk-ignore ban-drop-table\nDROP TABLE IF EXISTS {match[1]} RESTRICT;"
        elif match := _CREATE_INDEX.fullmatch(flat):
            made = ("index", "", match[1])
            undo = f"DROP INDEX CONCURRENTLY IF EXISTS {match[1]} RESTRICT;"
        elif (match := _ADD_COLUMN.fullmatch(flat)) and _adds_one_column(match):
            made = ("column", match[1], match[2])
            undo = (
                "-- squawk-ignore ban-drop-column\n"
                f"ALTER TABLE {match[1]} DROP COLUMN IF EXISTS {match[2]} RESTRICT;"
            )
    return Statement(version, text, changed, made, undo)


def _adds_one_column(match: re.Match[str]) -> bool:
    # A comma outside of parentheses begins a second action.
    outside, count = match[0], 1
    while count:
        outside, count = re.subn(r"\([^()]*\)", "", outside)
    return "," not in outside and match[2].lower() not in _NOT_A_COLUMN
