"""Measures how long a user waits, compared with other tools on the same machine."""
