"""Watches the released savers: what they make of a database, and what is new in them."""
