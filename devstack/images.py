"""Gives a node its images: a store unpacked once per set of archives, shared by hard links."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from devstack import cache, processes
from devstack.errors import StackError
from devstack.layout import Stack
from devstack.templates import render
from devstack.waiting import wait_until

# containerd writes to these in place, while everything else in a store is written once
_WRITTEN_IN_PLACE = (
    "io.containerd.metadata.v1.bolt/meta.db",
    "io.containerd.snapshotter.v1.native/metadata.db",
    "io.containerd.snapshotter.v1.overlayfs/metadata.db",
)


def fill(stack: Stack, report: Callable[[str], None]) -> None:
    """Fill the node's store with the toolchain's images, unless it holds them already."""
    store, label = stack.node / "store", stack.node / "store.label"
    wanted = _label(stack.images, snapshotter(stack))
    if label.exists() and label.read_text() == wanted:
        return

    def unpack(scratch: Path) -> None:
        report("unpacking the images, once for this set of images")
        _unpack(stack, scratch)

    unpacked = cache.folder(
        f"store-{wanted}",
        unpack,
        lambda: report("waiting for another stack to unpack the images"),
    )
    label.unlink(missing_ok=True)
    if store.exists():
        shutil.rmtree(store)
    _copy(unpacked, store)
    label.write_text(wanted)


def snapshotter(stack: Stack) -> str:
    """Return the snapshotter that works where the images are unpacked and where they are used."""
    folders = (stack.folder, stack.images)
    kinds = processes.run("stat", "--file-system", "--format=%T", *folders).split()
    # an overlay cannot be the upper part of another overlay
    return "native" if "overlayfs" in kinds else "overlayfs"


def configuration(stack: Stack, *, store: Path, state: Path, network: Path) -> str:
    """Return containerd's configuration for a store, its sockets and the pods' network."""
    folders = {"store": str(store), "state": str(state), "network_config": str(network)}
    return render("containerd.toml", {**folders, "snapshotter": snapshotter(stack)})


def _label(images: Path, kind: str) -> str:
    files = [(path.name, path.stat()) for path in sorted(images.glob("*.tar"))]
    if not files:
        message = f"expected image archives in {images}, found none: run devstack/setup.sh"
        raise StackError(message)
    return cache.digest(
        [kind, *(f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in files)]
    )


def _unpack(stack: Stack, store: Path) -> None:
    # a short path, because a socket's path has at most 107 letters
    with tempfile.TemporaryDirectory(prefix="devstack-") as folder:
        state = Path(folder)
        config, socket = state / "containerd.toml", state / "containerd.sock"
        config.write_text(configuration(stack, store=store, state=state, network=state))
        server = ("unshare", "--mount", "--propagation=private", "containerd", "-c", config)
        client = ("ctr", "-a", socket, "-n", "k8s.io", "images", "import")
        with processes.background(*server, log=stack.logs / "unpack.log"):
            wait_until(socket.exists, "containerd to make its socket", seconds=30)
            for archive in sorted(stack.images.glob("*.tar")):
                processes.run(*client, "--snapshotter", snapshotter(stack), archive)


def _copy(unpacked: Path, store: Path) -> None:
    linked = unpacked.stat().st_dev == store.parent.stat().st_dev
    processes.run("cp", "-al" if linked else "-a", unpacked, store)
    for name in _WRITTEN_IN_PLACE:
        database = store / name
        if linked and database.exists():
            database.unlink()
            shutil.copy2(unpacked / name, database)
