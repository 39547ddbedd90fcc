"""What the API server takes for a CronJob's schedule, which is robfig/cron's standard form."""

import re
from collections.abc import Mapping

EXAMPLE = "30 2 * * *"
WORDS = {"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"}
PART = re.compile(r"([*?]|(?P<first>\w+)(-(?P<last>\w+))?)(/0*[1-9]\d{0,3})?", re.ASCII)
NUMBER = re.compile(r"\d{1,4}", re.ASCII)
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
# In their order; Sunday is 0 and not 7 too, unlike in other crons.
FIELDS: Mapping[str, tuple[int, int, tuple[str, ...]]] = {
    "minute": (0, 59, ()),
    "hour": (0, 23, ()),
    "day of the month": (1, 31, ()),
    "month": (1, 12, MONTHS),
    "day of the week": (0, 6, DAYS),
}


def schedule(text: str) -> str | None:
    """Return what is wrong with a schedule, where there is one."""
    expected = f"expected five fields of cron such as {EXAMPLE!r}, found {text!r}"
    if not text or text in WORDS:
        return None
    fields = text.split(" ")
    if len(fields) != len(FIELDS):
        return expected
    for (name, (least, most, names)), field in zip(FIELDS.items(), fields, strict=True):
        if not all(_fits(part, least, most, names) for part in field.split(",")):
            words = f" or {names[0]} to {names[-1]}" if names else ""
            return f"{expected}: the {name} goes from {least} to {most}{words}, found {field!r}"
    return None


def _fits(part: str, least: int, most: int, names: tuple[str, ...]) -> bool:
    if not (match := PART.fullmatch(part)):
        return False
    bounds = [_number(text, least, names) for text in match.group("first", "last") if text]
    return all(least <= bound <= most for bound in bounds) and bounds == sorted(bounds)


def _number(text: str, least: int, names: tuple[str, ...]) -> int:
    """Return a number or a name's, and -1 for what is neither."""
    if text.lower() in names:
        return least + names.index(text.lower())
    return int(text) if NUMBER.fullmatch(text) else -1
