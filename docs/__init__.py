"""Documentation, and what keeps it in step with the program."""
