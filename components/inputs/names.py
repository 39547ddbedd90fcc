"""What a name in PostgreSQL must fulfil; it is quoted wherever it goes."""

POSTGRES_NAME_BYTES = 63


def is_name(value: str) -> bool:
    """Tell whether PostgreSQL and libpq keep a name as it is."""
    # libpq's service file takes one line a value, PostgreSQL cuts names off silently.
    return value.isprintable() and len(value.encode()) <= POSTGRES_NAME_BYTES


def role_name(value: str) -> str | None:
    """Return what is wrong with the name of a role, where there is one."""
    if not is_name(value):
        return f"expected at most 63 bytes of printable characters, found {value!r}"
    if value != value.strip():
        return f"expected a name without spaces around it, found {value!r}"
    return None


def password_problem(value: str) -> str | None:
    """Return what is wrong with a password for the managed secret; its value is in no message."""
    if not value:
        return "expected a value for the managed secret; set it with --secret"
    if any(each in value for each in "\n\r\0\ufffd"):
        return "expected one line of text, found a line break, a NUL or no UTF-8"
    return None


def database_name(value: str) -> str | None:
    """Return what is wrong with the name of a database or a schema."""
    return role_name(value) if value else "expected a name, found nothing"
