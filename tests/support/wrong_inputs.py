"""For each input a value that is wrong, as a program in any language may give it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from components.inputs.description import inputs

BOOLEANS = {each.key for each in inputs() if each.type == "boolean"}
# Without them nobody looks at some of the others.
MANAGED = {"manageDatabase", "manageSecret", "manageVaultAuthMount"}
# Of these another text is wrong than of all others.
TEXTS = {
    "databaseName": "two\nlines",
    "databaseOwner": "blank ",
    "databaseSchema": "pg_catalog",
    "databaseReaders": "grafana,,reports",
    "databaseUsername": "u" * 64,
    "databaseApplicationRole": " blank",
    "databasePassword": "two\nlines",
    "kubeconfig": "users: []",
}
# What a wrong value is blamed on where it is not itself.
BLAMED = {"kubeContext": "kubeconfig"}


def wrong(folder: Path) -> dict[str, Any]:
    """Return wrong values by key; booleans are right, and only where others need them."""
    (folder / "key.pem").write_text("-----BEGIN PRIVATE KEY-----\n")
    values: dict[str, Any] = dict.fromkeys(MANAGED, True)
    for each in inputs():
        if each.type == "integer":
            values[each.key] = -1
        elif each.type == "object":
            values[each.key] = {"spec": {"hostNetwork": True}}
        elif each.key.endswith("CertFile"):
            values[each.key] = str(folder / "key.pem")
        elif each.type == "string":
            values[each.key] = TEXTS.get(each.key, "a b")
    return values


def blamed(key: str, problems: Iterable[str]) -> bool:
    """Tell whether one of the sentences is about this input."""
    blame = BLAMED.get(key, key)
    return any(blame in problem.partition(": ")[0].split(", ") for problem in problems)
