"""What a Vault token of the Jobs can do, and for how long."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event

import pytest

from tests.faults.migrator import wait_until
from tests.integration.attacks.test_login import token
from tests.support.deployment import Deployment
from tests.support.pods import Pods
from tests.support.vault_api import Answer, Held, VaultApi, VaultProxy

TTL = 5
USES = 10
# Denied; no path to write to; spelled otherwise, as OpenBao and as Vault says; a verb that the path
# does not know.
NOTHING = (403, 400, 307, 301, 405)
SECRET = "bizmatters/agent-executor/postgres"


def elsewhere(kv: str, auth: str, role: str) -> list[tuple[str, str]]:
    """Return requests that are not the read of the one secret: more than a hundred."""
    readable = [
        *(f"{kv}/data/{path}" for path in ("", "bizmatters", SECRET + "-app", SECRET + "/x")),
        *(f"{kv}/data/{SECRET.rpartition('/')[0]}/{name}" for name in ("", "other", "postgres2")),
        *(f"{kv}/data/{SECRET}/../{name}" for name in ("postgres-app", "../other/postgres")),
        *(f"{kv}/{verb}/{SECRET}" for verb in ("metadata", "delete", "undelete", "destroy")),
        *(f"{kv}/{verb}/{SECRET}" for verb in ("subkeys", "detailed-metadata")),
        *(f"{kv}/metadata/{path}" for path in ("", "bizmatters", "bizmatters/agent-executor")),
        *(f"{kv}/{path}" for path in ("config", SECRET, "")),
        *("secret/data/x", "cubbyhole/x", "cubbyhole/", "identity/entity/id", "identity/group/id"),
        *("identity/oidc/token/x", "identity/lookup/entity", "database/creds/x", "pki/issue/x"),
        *(f"auth/{auth}/{path}" for path in ("config", "role", f"role/{role}", "role/x")),
        *("auth/token/create", "auth/token/lookup-self", "auth/token/renew"),
        *("auth/token/lookup", "auth/token/accessors", "auth/token/revoke", "auth/token/roles/x"),
        *("sys/auth", "sys/mounts", "sys/policies/acl", f"sys/policies/acl/{role}", "sys/policy"),
        *("sys/audit", "sys/raw/x", "sys/seal", "sys/step-down", "sys/rotate", "sys/leases/lookup"),
        *(
            "sys/storage/raft/snapshot",
            "sys/config/cors",
            "sys/capabilities-self",
            "sys/key-status",
        ),
        *("sys/tools/random/32", "sys/wrapping/wrap", "sys/plugins/catalog", "sys/remount"),
    ]
    requests = [(verb, path) for path in readable for verb in ("GET", "LIST", "PUT", "DELETE")]
    return [*requests, *((verb, f"{kv}/data/{SECRET}") for verb in ("LIST", "PUT", "DELETE"))]


def test_the_roles_token_reads_one_path_and_nothing_else(
    vault: VaultApi, pods: Pods, dev: Deployment
) -> None:
    settings = dev.settings
    jwt = token(pods, "--audience=vault")
    own = f"{settings['vaultKvMount']}/data/{SECRET}"
    requests = elsewhere(
        settings["vaultKvMount"], settings["vaultAuthMount"], settings["vaultRole"]
    )
    answers: dict[tuple[str, str], int] = {}

    for first in range(0, len(requests), USES - 1):
        login = vault.login(jwt)[1]["auth"]["client_token"]
        batch = requests[first : first + USES - 1]
        answers |= {one: vault.request(*one, token=login)[0] for one in batch}
        assert vault.request("GET", own, token=login)[0] == 200, "the token was alive until here"

    assert len(answers) > 200
    assert {one: status for one, status in answers.items() if status not in NOTHING} == {}
    assert list(answers.values()).count(403) > 200


def test_a_token_ends_with_its_last_use(vault: VaultApi, pods: Pods, dev: Deployment) -> None:
    path = f"{dev.settings['vaultKvMount']}/data/{SECRET}"
    login = vault.login(token(pods, "--audience=vault"))[1]["auth"]["client_token"]

    statuses = [vault.request("GET", path, token=login)[0] for _ in range(USES + 1)]

    assert statuses == [200] * USES + [403]
    # It revokes in the background what has no use left.
    wait_until(lambda: not vault.is_alive(login))


def test_a_renewal_gives_a_token_no_more_time(vault: VaultApi, pods: Pods) -> None:
    login = vault.login(token(pods, "--audience=vault"))[1]["auth"]["client_token"]

    status, answer = vault.request(
        "POST", "auth/token/renew-self", token=login, body=b'{"increment": "24h"}'
    )

    assert status == 200
    assert answer["auth"]["lease_duration"] <= 120


def test_a_token_is_dead_once_its_pod_has_ended(dev: Deployment, pods: Pods) -> None:
    with VaultProxy(dev) as proxy:
        pods.create(pods.pod("spent", VAULT_ADDR=proxy.address)).expect()
        pods.end("spent", "Succeeded")

    (seen,) = proxy.tokens
    path = f"{dev.settings['vaultKvMount']}/data/{SECRET}"
    assert proxy.vault.request("GET", path, token=seen)[0] == 403
    assert not proxy.vault.is_alive(seen)


def test_a_token_is_dead_when_its_use_failed(dev: Deployment, pods: Pods) -> None:
    def refuse(path: str, answer: Answer) -> Answer:
        return (403, {"errors": ["permission denied"]}) if "/data/" in path else answer

    with VaultProxy(dev, refuse) as proxy:
        pods.create(pods.pod("refused", VAULT_ADDR=proxy.address)).expect()
        ended = pods.end("refused")

    assert ended["vault-init"]["exitCode"] == 20
    assert proxy.tokens
    assert [seen for seen in proxy.tokens if proxy.vault.is_alive(seen)] == []


@pytest.fixture
def short_lived(dev: Deployment) -> Iterator[None]:
    """Let the role's tokens live for seconds: a test cannot wait for two minutes."""
    role = f"auth/{dev.settings['vaultAuthMount']}/role/{dev.settings['vaultRole']}"

    def limit(seconds: int) -> None:
        limits = (f"token_ttl={seconds}", f"token_explicit_max_ttl={seconds}")
        dev.run("bao", "write", role, *limits).expect()

    limit(TTL)
    yield
    limit(120)


def test_a_token_outlives_its_killed_pod_by_no_more_than_its_own_time(
    dev: Deployment, pods: Pods, short_lived: None
) -> None:
    held = Held()
    with VaultProxy(dev, held) as proxy:
        pods.create(pods.pod("killed", VAULT_ADDR=proxy.address)).expect()
        assert held.reached.wait(60)
        (seen,) = proxy.tokens
        for pid in processes_with(f"VAULT_ADDR={proxy.address}"):
            # The first of them is the container's init, with which all others end.
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        ended = pods.end("killed")
        was_alive, since = proxy.vault.is_alive(seen), time.monotonic()
        while proxy.vault.is_alive(seen) and time.monotonic() - since < 2 * TTL:
            Event().wait(0.1)
        held.release()

    assert ended["vault-init"]["exitCode"] == 137
    assert was_alive
    assert time.monotonic() - since <= TTL + 1


def processes_with(variable: str) -> set[int]:
    """Return the pids, as this machine sees them, of what was started with a variable."""
    found: set[int] = set()
    for entry in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if variable.encode() in entry.read_bytes().split(b"\0"):
                found.add(int(entry.parent.name))
    return found
