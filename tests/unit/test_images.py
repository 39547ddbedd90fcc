import hashlib
import json
import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from devstack.toolchain import images, oci
from devstack.toolchain.oci import Entry, Image

SMALL = Image(
    name="docker.io/library/small:1",
    layers=(
        (Entry("etc"), Entry("bin/sh", target="/bin/busybox"), Entry("bin/busybox", content=b"x")),
        (Entry("etc/passwd", 0o644, b"root:x:0:0\n"),),
    ),
    env=("PATH=/bin",),
    cmd=("sh",),
)


def blob(tar: tarfile.TarFile, descriptor: dict[str, Any]) -> bytes:
    file = tar.extractfile(f"blobs/sha256/{descriptor['digest'].removeprefix('sha256:')}")
    assert file is not None
    return file.read()


def document(tar: tarfile.TarFile, descriptor: dict[str, Any]) -> dict[str, Any]:
    return json.loads(blob(tar, descriptor))


def unpack(archive: Path, root: Path) -> dict[str, Any]:
    """Unpack an archive's layers as a container runtime does; return its manifest entry."""
    with tarfile.open(archive) as tar:
        index = tar.extractfile("index.json")
        assert index is not None
        (entry,) = json.load(index)["manifests"]
        for number, layer in enumerate(document(tar, entry)["layers"]):
            file = root.with_suffix(f".{number}")
            file.write_bytes(blob(tar, layer))
            root.mkdir(exist_ok=True)
            subprocess.run(["tar", "-xf", file, "-C", root], check=True)
    return entry


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the real images, with a shell script in place of the big programs."""
    if not images.BUSYBOX.exists() or not images.CA_BUNDLE.exists():
        pytest.skip("needs busybox-static and ca-certificates: run devstack/setup.sh")
    folder = tmp_path_factory.mktemp("images")
    program = folder / "program"
    program.write_text("#!/bin/sh\necho this is $0\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        return images.ensure(pause=program, bao=program, rclone=program, report=lambda _: None)


def test_the_same_input_gives_the_same_archive(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("content")
    image = Image("localhost/x:1", ((Entry("b", content=source), Entry("a")),))

    oci.write(image, tmp_path / "first.tar")
    os.utime(source, (1, 1))
    oci.write(image, tmp_path / "second.tar")

    assert (tmp_path / "first.tar").read_bytes() == (tmp_path / "second.tar").read_bytes()


def test_an_archive_holds_together_by_its_digests(tmp_path: Path) -> None:
    oci.write(SMALL, tmp_path / "small.tar")

    with tarfile.open(tmp_path / "small.tar") as tar:
        index = tar.extractfile("index.json")
        assert index is not None
        (entry,) = json.load(index)["manifests"]
        manifest = document(tar, entry)
        config = document(tar, manifest["config"])
        for part in (entry, manifest["config"], *manifest["layers"]):
            content = blob(tar, part)
            assert part["digest"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
            assert part["size"] == len(content)

    assert entry["annotations"]["io.containerd.image.name"] == "docker.io/library/small:1"
    assert config["rootfs"]["diff_ids"] == [layer["digest"] for layer in manifest["layers"]]
    assert config["config"]["Env"] == ["PATH=/bin"]
    assert config["config"]["Cmd"] == ["sh"]


def test_layers_belong_to_root_and_have_no_dates(tmp_path: Path) -> None:
    oci.write(SMALL, tmp_path / "small.tar")

    unpack(tmp_path / "small.tar", tmp_path / "root")

    with tarfile.open(tmp_path / "root.0") as layer:
        members = layer.getmembers()
    assert [member.name for member in members] == ["bin/busybox", "bin/sh", "etc"]
    assert {(member.uid, member.gid, member.mtime) for member in members} == {(0, 0, 0)}
    assert (tmp_path / "root/bin/sh").readlink() == Path("/bin/busybox")


def test_images_carry_the_full_names_of_the_stock_ones(archives: Path, tmp_path: Path) -> None:
    names = {
        archive.name: unpack(archive, tmp_path / archive.stem)["annotations"]
        for archive in archives.glob("*.tar")
    }

    assert {name: found["io.containerd.image.name"] for name, found in names.items()} == {
        "pause.tar": "localhost/pause:1",
        "postgres.tar": "docker.io/library/postgres:16-alpine",
        "rclone.tar": "docker.io/rclone/rclone:1.76",
        "vault.tar": "docker.io/hashicorp/vault:1.15",
    }


@pytest.fixture
def run_in(archives: Path, tmp_path: Path) -> Any:
    """Run a command line in an image's file system, with nothing of this machine's."""
    if os.geteuid() != 0:
        pytest.skip("needs root for chroot")

    def run(image: str, line: str) -> str:
        root = tmp_path / image
        unpack(archives / f"{image}.tar", root)
        done = subprocess.run(
            ["chroot", root, "/bin/sh", "-c", line],
            env={"PATH": images.PATH.removeprefix("PATH=")},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    return run


def test_the_shell_is_busybox_and_what_alpine_lacks_is_absent(run_in: Any) -> None:
    said = run_in(
        "postgres",
        "readlink /bin/sh; for name in bash jq perl; do command -v $name; done; id -un",
    )

    assert said == "/bin/busybox\nroot\n"


@pytest.mark.parametrize("client", images.CLIENTS)
def test_the_postgresql_clients_run_from_their_image_alone(run_in: Any, client: str) -> None:
    assert run_in("postgres", f"{client} --version").startswith(f"{client} (PostgreSQL) 16.")


def test_the_vault_image_answers_to_both_names(run_in: Any) -> None:
    assert run_in("vault", "bao; vault") == "this is /bin/bao\nthis is /bin/vault\n"


def test_users_and_writable_places_are_those_of_the_stock_images(run_in: Any) -> None:
    said = run_in("postgres", "id -u postgres; id -u nobody; stat -c %a /tmp; ls /etc/ssl/certs/")

    assert said.split() == ["70", "65534", "1777", "ca-certificates.crt"]
