"""Looks for a value, however it is written, in files and in all that has no file."""

import json
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from tests.support.deployment import Deployment

# Lines are wrapped and messages cut off: so many letters in a row are a find.
PIECE = 16
_STANDARD, _URL_SAFE = b"+/", b"-_"


def encodings(value: str) -> dict[str, bytes]:
    """Return the value as it may be written, by the name of the encoding."""
    raw, escaped = value.encode(), json.dumps(value)[1:-1].encode()
    base64 = {f"base64 behind {before} bytes": _base64(raw, before) for before in range(3)}
    return {
        "raw": raw,
        "reversed": raw[::-1],
        "hex": raw.hex().encode(),
        "upper-case hex": raw.hex().upper().encode(),
        "URL": quote(value, safe="").encode(),
        "JSON": escaped,
        "JSON in JSON": json.dumps(escaped.decode())[1:-1].encode(),
        "Go's JSON": _escaped_for_html(escaped),
        **base64,
        **{
            f"URL-safe {name}": text.translate(bytes.maketrans(_STANDARD, _URL_SAFE))
            for name, text in base64.items()
        },
    }


def _base64(raw: bytes, before: int) -> bytes:
    """Return the letters that depend on nothing but `raw`."""
    return b64encode(bytes(before) + raw).rstrip(b"=")[(0, 2, 3)[before] : -1]


def _escaped_for_html(text: bytes) -> bytes:
    for letter in b"<>&":
        text = text.replace(bytes([letter]), b"\\u%04x" % letter)
    return text


def files_with(place: Path, *values: str) -> set[Path]:
    """Return the files below a place that hold a piece of a value in any encoding."""
    pieces = {
        text[at : at + PIECE]
        for value in values
        for text in encodings(value).values()
        for at in range(len(text) - PIECE + 1)
    }
    # rootfs: a running container's view of what the image store holds. Files that vanish are no
    # error, so each search has to be seen to find something.
    found = subprocess.run(
        ["grep", "-rlsF", "--devices=skip", "--exclude-dir=rootfs", "--file=-", "--", place],
        env={"LC_ALL": "C"},
        input=b"\n".join(sorted(pieces)),
        stdout=subprocess.PIPE,
        check=False,
    )
    return {Path(line) for line in found.stdout.decode(errors="replace").splitlines()}


class Processes:
    """Reads environment and command line of every process, again and again during the block."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[str, set[bytes]] = {"environ": set(), "cmdline": set()}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        for name, contents in self._seen.items():
            (self._folder / name).write_bytes(b"\n".join(contents))

    def _watch(self) -> None:
        while not self._ended.is_set():
            for process in Path("/proc").glob("[0-9]*"):
                for name, contents in self._seen.items():
                    with suppress(OSError):
                        contents.add((process / name).read_bytes())


def save_api_objects(deployment: Deployment, folder: Path) -> None:
    """Write down every object of the cluster; events and pods' last words once more apart."""

    def get(kinds: str) -> str:
        done = deployment.run(
            *("kubectl", "get", kinds, "--all-namespaces", "-o", "json"), "--show-managed-fields"
        )
        return done.expect().text

    kinds = deployment.run("kubectl", "api-resources", "--verbs=list", "-o", "name").expect()
    (folder / "objects").write_text(get(",".join(kinds.text.split())))
    (folder / "events").write_text(get("events"))
    (folder / "last-words").write_text("\n".join(_last_words(json.loads(get("pods")))))


def _last_words(pods: dict[str, Any]) -> Iterator[str]:
    for pod in pods["items"]:
        status = pod["status"]
        for kind in ("initContainerStatuses", "containerStatuses"):
            for container in status.get(kind, []):
                yield container["state"].get("terminated", {}).get("message", "")
