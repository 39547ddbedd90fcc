"""Writes the pages of `docs/` that come from the program: each module writes one page."""
