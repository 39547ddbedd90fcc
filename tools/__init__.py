"""What keeps the pages of `docs/` in step with the program: each module writes one."""
