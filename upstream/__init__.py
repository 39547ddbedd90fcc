"""Compares the tables that released savers make with this project's, and finds what is new."""
