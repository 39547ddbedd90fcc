"""Files as a ConfigMap carries them: filled in, checked, and named by their content."""

import base64
import bz2
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from string import Template

# A ConfigMap holds 1 MiB; what is left is for names and metadata.
MAX_BYTES = 900_000
INCLUDED = re.compile(r"^\\ir (\S+)$", re.MULTILINE)


class FilesError(ValueError):
    """A file is not what a ConfigMap and its Job need."""


def checked(paths: Mapping[str, Path]) -> dict[str, str]:
    """Return the text of the files.

    Raises:
        FilesError: one is not plain text, or all are too large.

    """
    files: dict[str, str] = {}
    for name, path in paths.items():
        content = path.read_bytes()
        if b"\r" in content or content.startswith(b"\xef\xbb\xbf") or not content.endswith(b"\n"):
            msg = f"{name}: expected UTF-8 text with Unix line ends and a last newline"
            raise FilesError(msg)
        files[name] = content.decode()
    if sum(map(len, files.values())) > MAX_BYTES:
        msg = f"expected at most {MAX_BYTES} bytes for one ConfigMap, found more"
        raise FilesError(msg)
    return files


def with_included(files: Mapping[str, str], names: Iterable[str]) -> set[str]:
    """Return the names, and those of all files that psql includes with them."""
    found: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += INCLUDED.findall(files.get(name, ""))
    return found


def render(path: Path, values: Mapping[str, str]) -> str:
    """Fill the `${name}` places of a file; `values` must hold every one of them."""
    return Template(path.read_text()).substitute(values)


def digest(files: Mapping[str, str]) -> str:
    """Return the name of the files' content: equal content, equal name."""
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:10]


def sums(files: Mapping[str, str]) -> str:
    """Return the lines that sha256sum prints for the files, sorted."""
    return "\n".join(
        sorted(
            f"{hashlib.sha256(content.encode()).hexdigest()}  {name}"
            for name, content in files.items()
        )
    )


def packed(files: Mapping[str, str]) -> str:
    """Return the files as one short text, for a state that holds it several times.

    Compressed by bzip2, whose output is the same everywhere; that of zlib differs between builds.
    """
    return base64.b64encode(bz2.compress(json.dumps(files, sort_keys=True).encode())).decode()


def unpacked(text: str) -> dict[str, str]:
    """Return the files of a packed text."""
    return json.loads(bz2.decompress(base64.b64decode(text)))
