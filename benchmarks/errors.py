"""The error of a benchmark that a user is meant to read."""


class BenchmarkError(Exception):
    """What was measured did not work, so its time means nothing."""
