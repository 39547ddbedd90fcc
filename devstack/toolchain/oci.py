"""Writes OCI image archives with the standard library: the same input gives the same bytes."""

import hashlib
import io
import json
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

EPOCH = "1970-01-01T00:00:00Z"
PLATFORM = {"architecture": "amd64", "os": "linux"}
MEDIA_TYPE = "application/vnd.oci.image"


@dataclass(frozen=True)
class Entry:
    """One path of a layer: a file with `content`, a link to `target`, or else a folder."""

    path: str
    mode: int = 0o755
    content: bytes | Path | None = None
    target: str | None = None


@dataclass(frozen=True)
class Image:
    """An image: its full name, what is in it and how it starts."""

    name: str
    layers: tuple[tuple[Entry, ...], ...]
    env: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()


def write(image: Image, archive: Path) -> None:
    """Write `image` to `archive`; its layers are not compressed, they are unpacked at once."""
    with tempfile.TemporaryDirectory(dir=archive.parent) as scratch:
        files = [Path(scratch) / str(number) for number in range(len(image.layers))]
        for file, entries in zip(files, image.layers, strict=True):
            _write_layer(file, entries)
        layers = [_descriptor("layer.v1.tar", file) for file in files]
        config = _json(_config(image, [layer["digest"] for layer in layers]))
        manifest = _json(
            {
                "schemaVersion": 2,
                "mediaType": f"{MEDIA_TYPE}.manifest.v1+json",
                "config": _descriptor("config.v1+json", config),
                "layers": layers,
            }
        )
        with tarfile.open(archive, "w") as tar:
            _add(tar, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
            _add(tar, "index.json", _json(_index(image.name, manifest)))
            for blob in (config, manifest, *files):
                _add(tar, f"blobs/sha256/{_sha256(blob)}", blob)


def _write_layer(file: Path, entries: tuple[Entry, ...]) -> None:
    with tarfile.open(file, "w") as tar:
        for entry in sorted(entries, key=lambda entry: entry.path):
            if entry.content is not None:
                _add(tar, entry.path, entry.content, entry.mode)
                continue
            info = _info(entry.path, entry.mode)
            info.type = tarfile.DIRTYPE if entry.target is None else tarfile.SYMTYPE
            info.linkname = entry.target or ""
            tar.addfile(info)


def _add(tar: tarfile.TarFile, path: str, content: bytes | Path, mode: int = 0o644) -> None:
    info = _info(path, mode)
    info.size = len(content) if isinstance(content, bytes) else content.stat().st_size
    with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as source:
        tar.addfile(info, source)


def _info(path: str, mode: int) -> tarfile.TarInfo:
    # A new TarInfo belongs to root and dates from 1970, whoever makes the archive and when.
    info = tarfile.TarInfo(path)
    info.mode = mode
    return info


def _config(image: Image, layer_digests: list[str]) -> dict:
    start = {"Env": image.env, "Entrypoint": image.entrypoint, "Cmd": image.cmd, "WorkingDir": "/"}
    return PLATFORM | {
        "created": EPOCH,
        "config": start,
        # The digest of an uncompressed layer is its diff id too.
        "rootfs": {"type": "layers", "diff_ids": layer_digests},
        "history": [{"created": EPOCH} for _ in layer_digests],
    }


def _index(name: str, manifest: bytes) -> dict:
    annotations = {
        # containerd takes the full name from its own annotation, other tools read the tag.
        "io.containerd.image.name": name,
        "org.opencontainers.image.ref.name": name.rpartition(":")[2],
    }
    described = _descriptor("manifest.v1+json", manifest)
    return {
        "schemaVersion": 2,
        "mediaType": f"{MEDIA_TYPE}.index.v1+json",
        "manifests": [described | {"platform": PLATFORM, "annotations": annotations}],
    }


def _descriptor(kind: str, blob: bytes | Path) -> dict:
    size = len(blob) if isinstance(blob, bytes) else blob.stat().st_size
    return {
        "mediaType": f"{MEDIA_TYPE}.{kind}",
        "digest": f"sha256:{_sha256(blob)}",
        "size": size,
    }


def _sha256(blob: bytes | Path) -> str:
    if isinstance(blob, bytes):
        return hashlib.sha256(blob).hexdigest()
    with blob.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _json(document: dict) -> bytes:
    return json.dumps(document, sort_keys=True).encode()
