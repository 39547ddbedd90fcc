"""The newest migration, as its files' names have it."""

from components.schema.files import MIGRATIONS, load_migrations, newest, schema_version

FILES = load_migrations()
NUMBER = newest(FILES)
VERSION = schema_version(FILES)


def part(kind: str) -> str:
    """Return the name of the newest migration's up, down or verify file."""
    (name,) = (path.name for path in MIGRATIONS.glob(f"{NUMBER}_*.{kind}.sql"))
    return name
