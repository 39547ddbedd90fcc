"""The error of the upstream watch that a user is meant to read."""


class UpstreamError(Exception):
    """One sentence: what was expected, what was found, what to do."""
