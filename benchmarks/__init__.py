"""Measures what a user waits for, beside what else would do the same on the same machine."""
