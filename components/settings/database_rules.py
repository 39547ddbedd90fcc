"""What the database's settings must fulfil."""

import re
from collections.abc import Iterator
from itertools import combinations

from .certificates import no_certificate
from .fields import Fields

INSECURE_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca")
HOST = re.compile(r"[\w:][\w.,:-]*", re.ASCII)
# libpq's hosts beside: the folder of a Unix-domain socket.
ADMIN_HOST = re.compile(r"[\w:/][\w.:/-]*", re.ASCII)
SYSTEM_ID = re.compile(r"\d{1,20}", re.ASCII)
HOST_AND_PORT = re.compile(r"[^:/]+:\d*")
POSTGRES_NAME_BYTES = 63


def database_problems(settings: Fields) -> Iterator[str]:
    """Return every problem of the database's settings, one sentence each."""
    yield from _credential(settings)
    yield from _connection(settings)
    yield from _database_names(settings)
    yield from _readers(settings)
    if settings.manage_database:
        yield from _admin(settings)
        yield from _roles(settings)
        yield from _unreadable(settings)


def _credential(settings: Fields) -> Iterator[str]:
    if settings.manage_database and not settings.manage_secret:
        yield "manageSecret: expected true, since manageDatabase makes the passwords"
    if settings.manage_secret and not settings.database_host:
        yield "databaseHost: expected a host for the managed secret; set it or export PGHOST"
    elif settings.manage_secret and not HOST.fullmatch(settings.database_host):
        yield f"databaseHost: expected a host name or address, found {settings.database_host!r}"
    if settings.manage_secret and not settings.manage_database:
        for key, value in (
            ("databaseUsername", settings.database_username),
            ("databasePassword", settings.database_password),
        ):
            if not value:
                yield f"{key}: expected a value for the managed secret; set it with --secret"
    if any(character in settings.database_password for character in "\n\r\0\ufffd"):
        # By its name only: the value is a secret.
        yield "databasePassword: expected one line of text, found a line break, a NUL or no UTF-8"


def _admin(settings: Fields) -> Iterator[str]:
    host = settings.database_admin_host
    if host and not ADMIN_HOST.fullmatch(host):
        yield (
            "databaseAdminHost: expected one host name, address or folder, found "
            f"{host!r} (its own, PGHOST or databaseHost)"
        )


def _connection(settings: Fields) -> Iterator[str]:
    if settings.insecure_database_ssl_mode not in ("", *INSECURE_SSL_MODES):
        yield (
            f"insecureDatabaseSslMode: expected one of {', '.join(INSECURE_SSL_MODES)}, "
            f"found {settings.insecure_database_ssl_mode!r}; leave it empty for verify-full"
        )
    if settings.insecure_database_ssl_mode == "verify-ca" and not settings.database_ca_cert_file:
        yield "databaseCaCertFile: expected a PEM file, since libpq verifies no public CA this way"
    yield from no_certificate("databaseCaCertFile", settings.database_ca_cert_file)
    # The form in which clouds show an endpoint; an IPv6 address has more colons than one.
    for part in settings.database_host.split(","):
        if HOST_AND_PORT.fullmatch(part):
            yield (
                f"databaseHost: expected a host without a port, found {part!r}; "
                "put the port into databasePort"
            )


def _database_names(settings: Fields) -> Iterator[str]:
    for key, value in (
        ("databaseName", settings.database_name),
        ("databaseSchema", settings.database_schema),
        ("databaseUsername", settings.database_username),
        ("databaseOwner", settings.database_owner),
        ("databaseApplicationRole", settings.database_application_role),
    ):
        if not _is_name(value):
            yield f"{key}: expected at most 63 bytes of printable characters, found {value!r}"
        if value != value.strip():
            yield f"{key}: expected a name without spaces around it, found {value!r}"
    if not settings.database_name or not settings.database_schema:
        yield "databaseName, databaseSchema: expected names, found nothing"
    if settings.database_schema == "$user":
        yield "databaseSchema: expected a schema, found '$user', which is the role's own"
    if settings.database_schema.startswith("pg_"):
        yield f"databaseSchema: expected a user's schema, found {settings.database_schema!r}"


def _readers(settings: Fields) -> Iterator[str]:
    if not settings.database_readers:
        return
    for name in (part.strip(" ") for part in settings.database_readers.split(",")):
        if not name or not _is_name(name):
            yield (
                "databaseReaders: expected names of roles with commas between, each at most 63 "
                f"bytes of printable characters, found {name!r}"
            )
        for key in (key for key, role in _named_roles(settings).items() if name and name == role):
            yield f"databaseReaders, {key}: expected roles that only read, found {name!r} in both"


def _is_name(value: str) -> bool:
    # libpq's service file takes one line a value, PostgreSQL cuts names off silently.
    return value.isprintable() and len(value.encode()) <= POSTGRES_NAME_BYTES


def _roles(settings: Fields) -> Iterator[str]:
    """Complain of one name for two of the roles that the program is to make."""
    for (one, name), (other, same) in combinations(_named_roles(settings).items(), 2):
        if name == same:
            yield f"{one}, {other}: expected two roles (manageDatabase), found {name!r} for both"


def _named_roles(settings: Fields) -> dict[str, str]:
    return {
        "databaseOwner": settings.database_owner,
        "databaseUsername": settings.database_username,
        "databaseApplicationRole": settings.database_application_role,
    }


def _unreadable(settings: Fields) -> Iterator[str]:
    """Complain of names that the provider cannot write, or read back from the catalog's arrays."""
    if "'" in settings.database_name:
        # It stands unescaped in the statement that ends the sessions before the database goes.
        yield (
            "databaseName: expected a name without a single quote (manageDatabase), "
            f"found {settings.database_name!r}"
        )
    for key, value in (
        ("databaseOwner", settings.database_owner),
        ("databaseSchema", settings.database_schema),
    ):
        if "\\" in value:
            yield f"{key}: expected a name without a backslash (manageDatabase), found {value!r}"
    if ", " in settings.database_schema:
        yield (
            "databaseSchema: expected a name without a comma and a space (manageDatabase), "
            f"found {settings.database_schema!r}"
        )
