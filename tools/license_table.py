"""Writes the page of licenses from what the locked packages say of themselves."""

import re
from importlib.metadata import PackageMetadata, metadata
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
PAGE = REPOSITORY / "docs" / "licenses.md"
HEAD = """# Licenses

This page answers: **under which licenses are the Python packages that a deployment runs on?**

The table has each package that `requirements.txt` locks, with the license that the package
declares. `python -m tools.license_table` writes this page, and a test refuses a license that it
does not know. For the images see [SECURITY.md](../SECURITY.md#images).

"""
# Packages of before license expressions (PEP 639) have a trove classifier or words of their own.
SPDX = {
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "3-Clause BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
}
LOCKED = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^ ]+)", re.MULTILINE)


def licenses() -> dict[str, tuple[str, str]]:
    """Return version and license, an SPDX expression, of each locked package by name.

    Raises:
        ValueError: the installed version is not the locked one.
    """
    found: dict[str, tuple[str, str]] = {}
    for name, version in LOCKED.findall((REPOSITORY / "requirements.txt").read_text()):
        package = metadata(name)
        if package["Version"] != version:
            message = f"expected {name} {version}, found {package['Version']}; run make setup"
            raise ValueError(message)
        found[name] = version, _license(package)
    return found


def table() -> str:
    """Return the licenses as a Markdown table, by name of the package."""
    rows = [f"| {name} | {version} | {text} |" for name, (version, text) in licenses().items()]
    return "\n".join(["| Package | Version | License |", "| --- | --- | --- |", *rows, ""])


def _license(package: PackageMetadata) -> str:
    classifiers = [
        value.rpartition(" :: ")[2]
        for value in package.get_all("Classifier", [])
        if value.startswith("License :: OSI Approved :: ")
    ]
    for declared in (package["License-Expression"], package["License"], *classifiers):
        if declared and declared != "UNKNOWN" and "\n" not in declared:
            return SPDX.get(declared, declared)
    return ""


if __name__ == "__main__":
    PAGE.write_text(HEAD + table())
