"""What the database's inputs must fulfil together."""

import re
from collections.abc import Iterator
from itertools import combinations

from .names import is_name, password_problem
from .storage import CheckpointStorageArgs
from .urls import shown

HOST = re.compile(r"[\w:][\w.,:-]*", re.ASCII)
# libpq's hosts beside: the folder of a Unix-domain socket.
ADMIN_HOST = re.compile(r"[\w:/][\w.:/-]*", re.ASCII)
HOST_AND_PORT = re.compile(r"[^:/]+:\d*")


def database_problems(args: CheckpointStorageArgs) -> Iterator[str]:
    """Return every problem of the database's inputs, one sentence each."""
    yield from _credential(args)
    yield from _connection(args)
    yield from _database_names(args)
    yield from _readers(args)
    if args.manage_database:
        yield from _admin(args)
        yield from _roles(args)
        yield from _unreadable(args)


def _credential(args: CheckpointStorageArgs) -> Iterator[str]:
    if args.manage_database and not args.manage_secret:
        yield "manageSecret: expected true, since manageDatabase makes the passwords"
    if args.manage_secret and not args.database_host:
        yield "databaseHost: expected a host for the managed secret; set it or export PGHOST"
    elif args.manage_secret and not HOST.fullmatch(args.database_host):
        yield f"databaseHost: expected a host name or address, found {shown(args.database_host)}"
    is_wanted = args.manage_secret and not args.manage_database
    if is_wanted and not args.database_username:
        yield "databaseUsername: expected a value for the managed secret; set it with --secret"
    password = args.database_password
    # One that becomes known during the deployment is looked at then.
    if isinstance(password, str) and (password or is_wanted):
        problem = password_problem(password)
        if problem:
            yield f"databasePassword: {problem}"


def _admin(args: CheckpointStorageArgs) -> Iterator[str]:
    host = args.database_admin_host
    if host and not ADMIN_HOST.fullmatch(host):
        yield (
            "databaseAdminHost: expected one host name, address or folder, found "
            f"{shown(host)} (its own, PGHOST or databaseHost)"
        )


def _connection(args: CheckpointStorageArgs) -> Iterator[str]:
    if args.insecure_database_ssl_mode == "verify-ca" and not args.database_ca_cert_file:
        yield "databaseCaCertFile: expected a PEM file, since libpq verifies no public CA this way"
    # The form in which clouds show an endpoint; an IPv6 address has more colons than one.
    for part in args.database_host.split(","):
        if HOST_AND_PORT.fullmatch(part):
            yield (
                f"databaseHost: expected a host without a port, found {part!r}; "
                "put the port into databasePort"
            )


def _database_names(args: CheckpointStorageArgs) -> Iterator[str]:
    if args.database_schema == "$user":
        yield "databaseSchema: expected a schema, found '$user', which is the role's own"
    if args.database_schema.startswith("pg_"):
        yield f"databaseSchema: expected a user's schema, found {args.database_schema!r}"


def _readers(args: CheckpointStorageArgs) -> Iterator[str]:
    if not args.database_readers:
        return
    for name in (part.strip(" ") for part in args.database_readers.split(",")):
        if not name or not is_name(name):
            yield (
                "databaseReaders: expected names of roles with commas between, each at most 63 "
                f"bytes of printable characters, found {name!r}"
            )
        for key in (key for key, role in _named_roles(args).items() if name and name == role):
            yield f"databaseReaders, {key}: expected roles that only read, found {name!r} in both"


def _roles(args: CheckpointStorageArgs) -> Iterator[str]:
    """Complain of one name for two of the roles that the program is to make."""
    for (one, name), (other, same) in combinations(_named_roles(args).items(), 2):
        if name == same:
            yield f"{one}, {other}: expected two roles (manageDatabase), found {name!r} for both"


def _named_roles(args: CheckpointStorageArgs) -> dict[str, str]:
    return {
        "databaseOwner": args.database_owner,
        "databaseUsername": args.database_username,
        "databaseApplicationRole": args.database_application_role,
    }


def _unreadable(args: CheckpointStorageArgs) -> Iterator[str]:
    """Complain of names that the provider cannot write, or read back from the catalog's arrays."""
    if "'" in args.database_name:
        # It stands unescaped in the statement that ends the sessions before the database goes.
        yield (
            "databaseName: expected a name without a single quote (manageDatabase), "
            f"found {args.database_name!r}"
        )
    for key, value in (
        ("databaseOwner", args.database_owner),
        ("databaseSchema", args.database_schema),
    ):
        if "\\" in value:
            yield f"{key}: expected a name without a backslash (manageDatabase), found {value!r}"
    if ", " in args.database_schema:
        yield (
            "databaseSchema: expected a name without a comma and a space (manageDatabase), "
            f"found {args.database_schema!r}"
        )
