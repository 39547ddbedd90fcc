"""Runs one case of vault-init on a server and compares what it says with docs/vaults.json."""

import os
import re
from pathlib import Path

from devstack.waiting import wait_until
from tests.support.failures import steady
from tests.support.vault_cases import CASES
from tests.support.vault_init import VaultInit
from tests.support.vault_server import VaultServer
from tools.failure_table import Recording
from tools.vault_table import record, recordings

# A token that may not even end itself, and one that came when nobody waited for it any more.
LEFT_ALIVE = ("the role has no policy", "a login takes too long")


def check(server: VaultServer, name: str, case: str, folder: Path) -> None:
    """Run vault-init on what a case breaks; expect the sentence, no other file and no token."""
    made, vault_init = CASES[case], VaultInit(server, folder)
    before = server.api.accessors()
    with made.setting(server) as variables:
        # Where it waits, one second shows it; elsewhere a slow machine must not make it give up.
        deadline = "1" if made.passes else "30"
        done = vault_init.run(made.token(), DEADLINE_SECONDS=deadline, **variables)

    sentence = re.sub(rf"{folder}/", "", steady(vault_init.sentence()))
    seen: Recording = {"exit": done.returncode, "sentence": sentence}
    if os.environ.get("RECORD_FAILURES"):
        record(name, case, seen)
    assert recordings()[case].get(name) == seen, "RECORD_FAILURES=1 records it anew"
    assert vault_init.left() == (set() if done.returncode else {"pg_service.conf", "pgpass"})
    if case not in LEFT_ALIVE:
        # A token without uses left is revoked in the background.
        wait_until(lambda: server.api.accessors() <= before, "the tokens to end", seconds=10)
