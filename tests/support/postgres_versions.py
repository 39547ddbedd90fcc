"""The major versions of PostgreSQL that the project supports."""

SUPPORTED = (15, 16, 17, 18)
