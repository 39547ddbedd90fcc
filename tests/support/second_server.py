"""A PostgreSQL server of another major version beside an embedded stack's own."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from devstack import layout
from tests.support.postgres import PASSWORD, SUPERUSER, Server

HBA = """\
host     all  all  127.0.0.1/32  scram-sha-256
hostssl  all  all  {range}       scram-sha-256
"""


@contextmanager
def second_server(environ: Mapping[str, str], version: int) -> Iterator[dict[str, str]]:
    """Start it at the stack's address with the stack's certificate; return its variables."""
    stack = layout.load(environ["DEVSTACK_NAME"])
    with TemporaryDirectory(prefix="checkpoint-pg-files-") as name:
        folder = Path(name)
        (folder / "pg_hba.conf").write_text(HBA.format(range=stack.network.range))
        for kind in ("crt", "key"):
            shutil.copy(stack.pki / f"postgresql.{kind}", folder / kind)
        for path in (folder, *folder.iterdir()):
            path.chmod(0o700 if path.is_dir() else 0o600)
            shutil.chown(path, "postgres", "postgres")
        settings = {
            "listen_addresses": f"'127.0.0.1,{stack.network.host}'",
            "hba_file": f"'{folder / 'pg_hba.conf'}'",
            "ssl": "on",
            "ssl_cert_file": f"'{folder / 'crt'}'",
            "ssl_key_file": f"'{folder / 'key'}'",
        }
        with Server(version=version, settings=settings) as server:
            yield {
                **environ,
                "PGPORT": str(server.port),
                "PGUSER": SUPERUSER,
                "PGPASSWORD": PASSWORD,
            }
