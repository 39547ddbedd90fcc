"""Bounds of settings that are numbers."""

from collections.abc import Iterable, Iterator


def out_of_range(bounds: Iterable[tuple[str, int, int, int]]) -> Iterator[str]:
    """Complain of each key whose value, the second, is not from the third to the fourth."""
    for key, value, least, most in bounds:
        if not least <= value <= most:
            yield f"{key}: expected a number from {least} to {most}, found {value}"
