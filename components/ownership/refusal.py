"""How a dynamic resource refuses or reports: one sentence and no traceback."""

import sys
from typing import NoReturn


class Refused(Exception):
    """What was asked for was not done."""

    # The engine prints the qualified name; as a builtin it has no path before it.
    __module__ = "builtins"


def refuse(sentence: str) -> NoReturn:
    """Raise `Refused` so that the engine prints the sentence alone."""
    # It prints whatever the traceback module gives it, and the sentence drowns in that.
    sys.tracebacklimit = 0
    raise Refused(sentence) from None


def say(sentence: str) -> None:
    """Let the engine print the sentence among its diagnostics, as all that a provider prints."""
    print(sentence, file=sys.stderr, flush=True)
