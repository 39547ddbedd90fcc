"""The error of the embedded stack that a user is meant to read."""


class StackError(Exception):
    """One sentence: what was expected, what was found, what to do."""
