"""Makes the container images of the dev stack from this machine's own files, without a registry.

They stand in for the stock images and carry their names, so that the manifests the project
ships run here unchanged, but they are not those images. Like them they have busybox's ash as
/bin/sh and no bash, coreutils, jq or python; unlike them
  postgres:16-alpine   has psql 16 on glibc, not on musl, and no server;
  rclone/rclone:1.76   has rclone with its S3 backend alone, and is made where a backup needs it;
  hashicorp/vault:1.15 has OpenBao, called `bao` and `vault`, not HashiCorp's Vault.
Neither has an entry point script; the project's Jobs name their command.
"""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from devstack import cache, postgresql
from devstack.toolchain import oci
from devstack.toolchain.oci import Entry, Image

BUSYBOX = Path("/bin/busybox")
POSTGRESQL = 16
CLIENTS = ("psql", "pg_dump", "pg_restore", "pg_isready")
CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

PASSWD = b"""\
root:x:0:0:root:/root:/bin/sh
postgres:x:70:70:postgres:/var/lib/postgresql:/bin/sh
vault:x:100:1000:vault:/home/vault:/sbin/nologin
nobody:x:65534:65534:nobody:/:/sbin/nologin
"""
GROUP = b"root:x:0:\npostgres:x:70:\nvault:x:1000:\nnobody:x:65534:\n"
FOLDERS = ("dev", "home", "proc", "root", "run", "sys", "usr/local/bin", "var/lib")


def ensure(*, pause: Path, bao: Path, rclone: Path | None, report: Callable[[str], None]) -> Path:
    """Return the folder with the image archives, made in a few seconds when an input changed."""
    folder = postgresql.server_programs(POSTGRESQL)
    clients = [folder / name for name in CLIENTS]
    libraries = shared_libraries(clients)
    code = [Path(__file__), Path(oci.__file__)]
    optional = [rclone] if rclone else []
    inputs = [pause, bao, *optional, BUSYBOX, CA_BUNDLE, *clients, *libraries, *code]

    def fill(scratch: Path) -> None:
        report("making the container images …")
        base = base_layer(_applets())
        oci.write(_pause_image(pause), scratch / "pause.tar")
        oci.write(_postgres_image(base, clients, libraries), scratch / "postgres.tar")
        oci.write(_vault_image(base, bao), scratch / "vault.tar")
        if rclone:
            oci.write(_rclone_image(base, rclone), scratch / "rclone.tar")

    # Path, size and time instead of content: reading 200 MB would make every start slower.
    name = f"images-{cache.digest(_identity(file) for file in inputs)}"
    return cache.folder(name, fill, lambda: report("waiting for another process to make images"))


def shared_libraries(programs: list[Path]) -> list[Path]:
    """Return the loader and the libraries that `programs` need, under the names they ask for."""
    command = ["ldd", *map(str, programs)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    return [Path(name) for name in sorted(set(re.findall(r"(/\S+) \(0x", answer.stdout)))]


def base_layer(applets: list[str]) -> tuple[Entry, ...]:
    """Return the layer both client images begin with: busybox, users, CA bundle, empty folders."""
    return (
        *(Entry(folder) for folder in FOLDERS),
        *(Entry(folder, mode=0o1777) for folder in ("tmp", "var/tmp")),
        Entry("bin/busybox", content=BUSYBOX),
        *(Entry(applet, target="/bin/busybox") for applet in applets),
        Entry("etc/passwd", 0o644, PASSWD),
        Entry("etc/group", 0o644, GROUP),
        Entry("etc/nsswitch.conf", 0o644, b"hosts: files dns\n"),
        Entry("etc/ssl/certs/ca-certificates.crt", 0o644, CA_BUNDLE),
        Entry("etc/ssl/cert.pem", target="certs/ca-certificates.crt"),
    )


def _applets() -> list[str]:
    command = [str(BUSYBOX), "--list-full"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    return [applet for applet in answer.stdout.split() if applet not in ("bin/busybox", "linuxrc")]


def _pause_image(pause: Path) -> Image:
    return Image("localhost/pause:1", ((Entry("pause", content=pause),),), entrypoint=("/pause",))


def _postgres_image(base: tuple[Entry, ...], clients: list[Path], libraries: list[Path]) -> Image:
    programs = [Entry(f"usr/local/bin/{client.name}", content=client) for client in clients]
    own = clients[0].parents[1]
    shared = [Entry(_place(library, own), content=library) for library in libraries]
    return Image(
        name="docker.io/library/postgres:16-alpine",
        layers=(base, (*programs, *shared)),
        # musl always speaks UTF-8; glibc does so without locale files only in C.UTF-8.
        env=(PATH, "LANG=C.UTF-8"),
        cmd=("psql",),
    )


def _place(library: Path, own: Path) -> str:
    # A client of a wheel finds its version's own libraries beside its folder here; there it has
    # the loader's own places.
    name = Path(os.path.normpath(library))
    return f"usr/lib/{name.name}" if name.is_relative_to(own) else str(name).lstrip("/")


def _vault_image(base: tuple[Entry, ...], bao: Path) -> Image:
    programs = (Entry("bin/bao", content=bao), Entry("bin/vault", target="bao"))
    return Image(
        name="docker.io/hashicorp/vault:1.15", layers=(base, programs), env=(PATH,), cmd=("vault",)
    )


def _rclone_image(base: tuple[Entry, ...], rclone: Path) -> Image:
    programs = (Entry("usr/local/bin/rclone", content=rclone),)
    return Image(
        name="docker.io/rclone/rclone:1.76", layers=(base, programs), env=(PATH,), cmd=("rclone",)
    )


def _identity(file: Path) -> str:
    stat = file.stat()
    return f"{file.resolve()} {stat.st_size} {stat.st_mtime_ns}"
