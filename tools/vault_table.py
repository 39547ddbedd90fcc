"""Writes docs/vaults.md: what vault-init says on OpenBao and on two releases of Vault."""

import json
from pathlib import Path

from tools.failure_table import Recording

FOLDER = Path(__file__).parents[1] / "docs"
PAGE, RECORDINGS = FOLDER / "vaults.md", FOLDER / "vaults.json"
OPENBAO, OTHERS = "OpenBao 2.7.2", ("Vault 1.15.6", "Vault 1.21.4")
# Where a Vault may say something else than OpenBao, and why.
OTHER_WORDS = "newer releases of Vault tell a dead token from one without the right"
DIFFERENCES = {
    "every token is revoked": OTHER_WORDS,
    "a token of one use": OTHER_WORDS,
    "the namespace is missing": "Vault's community edition ignores the setting",
    "the role has no policy": "the agent uses up a token that it may not renew",
    "the secret's deletion is planned": "Vault's agent reads a version until it is deleted",
}

HEAD = f"""# The same sentence on every Vault

This page answers: **which sentence does `vault-init` end with, and does it differ between
OpenBao and Vault?**

Tests make {{cases}} cases on {OPENBAO}, {OTHERS[0]} (`hashicorp/vault:1.15`) and {OTHERS[1]},
each with a server and an agent of the same release. `make test` runs the cases on OpenBao,
`make soak-vault` runs them on the two releases of Vault. The sentences are the same on all
three, except in the {{differences}} cases of the second table.

After each case the tests check two things. First, the folder for the credentials holds libpq's
two files or nothing. Second, Vault has no token of `vault-init` any more. In two cases a token
stays: no policy of the role lets `vault-init` end its token, or Vault answered the login after
the time-out.

The tests build both releases of Vault without the plugins for clouds and for databases, which
the cases do not need. The server, the agent, the command line, KV and the Kubernetes login
are Vault's own. A small API server of the tests reviews the pod's token. `make soak-vault` also
runs the tests that concern Vault on a stack with a real API server.

| What is wrong | Exit | The sentence |
| --- | --- | --- |
"""
REST = """
## Where they differ

| What is wrong | On | Exit | The sentence | Why |
| --- | --- | --- | --- | --- |
"""


def recordings() -> dict[str, dict[str, Recording]]:
    """Return what the tests recorded, by case and server."""
    return json.loads(RECORDINGS.read_text()) if RECORDINGS.exists() else {}


def record(server: str, case: str, seen: Recording) -> None:
    """Keep what vault-init said on a server."""
    everything = recordings()
    everything[case] = dict(sorted((everything.get(case, {}) | {server: seen}).items()))
    RECORDINGS.write_text(json.dumps(everything, indent=2) + "\n")


def differences() -> dict[str, dict[str, Recording]]:
    """Return what other servers say where that is not what OpenBao says."""
    found = {
        case: {server: seen[server] for server in OTHERS if seen.get(server) != seen[OPENBAO]}
        for case, seen in recordings().items()
    }
    return {case: others for case, others in found.items() if others}


def page() -> str:
    """Return the whole page."""
    seen, others = recordings(), differences()
    rows = [f"| {case} | {_cells(one[OPENBAO])} |\n" for case, one in seen.items()]
    rest = [
        f"| {case} | {server} | {_cells(said)} | {DIFFERENCES[case]} |\n"
        for case, found in others.items()
        for server, said in found.items()
    ]
    head = HEAD.format(cases=len(seen), differences=len(others))
    return "".join([head, *rows, REST, *rest])


def _cells(seen: Recording) -> str:
    sentence = seen["sentence"].replace("|", "\\|")
    return f"{seen['exit']} | {sentence}"


if __name__ == "__main__":
    PAGE.write_text(page())
