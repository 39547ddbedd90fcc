"""The embedded stack itself: real starts, kills and stops, on stacks of this module's own."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
import trustme

from devstack import layout, processes, stack
from devstack.environment import environment
from devstack.waiting import wait_until

JOB = """
apiVersion: batch/v1
kind: Job
metadata: {{name: greeting}}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers:
      - name: main
        image: postgres:16-alpine
        command: [sh, -ec, "psql --version; pg_isready --host={host}"]
"""
PRIVILEGED_POD = """
apiVersion: v1
kind: Pod
metadata: {name: privileged, namespace: strict}
spec:
  containers:
  - {name: main, image: "postgres:16-alpine", securityContext: {privileged: true}}
"""
FIRST, SECOND = (f"devstack-{os.getpid()}-{letter}" for letter in "ab")
DAEMONS = [
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "node",
    "node-init",
    "vault",
    "postgresql",
]


def silent(_: str) -> None:
    """Report nothing."""


def run(variables: dict[str, str], *command: str, text: str = "") -> str:
    done = subprocess.run(
        command,
        env=os.environ | variables,
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"{command}: {done.stderr}{done.stdout}"
    return done.stdout.strip()


def devstack(name: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "devstack", "--name", name, *arguments]
    return subprocess.run(command, cwd=layout.ROOT, capture_output=True, text=True, check=False)


def not_ready(name: str) -> list[str]:
    return [part.name for part in stack.status(name) if not part.ready]


CONTROL_GROUPS = Path("/sys/fs/cgroup")
# A stack that was killed from outside leaves its groups behind; they are not this run's.
FOUND_AT_START = frozenset(CONTROL_GROUPS.rglob("lgc*"))


def traces(name: str, recorded: layout.Stack) -> list[str]:
    """Return everything on this machine that still belongs to a stack."""
    folder = f"/devstack/{name}"
    groups = frozenset(CONTROL_GROUPS.rglob(recorded.network.interface))
    found = [str(path) for path in groups - FOUND_AT_START]
    links = run({}, "ip", "-oneline", "link") + run({}, "ip", "route", "show", "table", "all")
    found += [line for line in links.splitlines() if recorded.network.interface in line]
    for process in Path("/proc").glob("[0-9]*"):
        for file in ("cmdline", "mountinfo"):
            # a process may end while it is looked at
            with suppress(OSError):
                text = (process / file).read_text().replace("\0", " ")
                found += [
                    f"{process} {file}: {line}" for line in text.splitlines() if folder in line
                ]
    return found


@pytest.fixture(scope="module")
def first() -> Iterator[str]:
    stack.up(FIRST, silent)
    yield FIRST
    stack.down(FIRST, silent, purge=True)


@pytest.fixture
def variables(first: str) -> dict[str, str]:
    """Return the variables of the stack, which runs whatever the test before has done to it."""
    stack.up(first, silent)
    return environment(first)


@pytest.fixture
def second() -> Iterator[str]:
    yield SECOND
    stack.down(SECOND, silent, purge=True)


@pytest.fixture
def foreign_authority(tmp_path: Path) -> str:
    path = tmp_path / "foreign.crt"
    trustme.CA().cert_pem.write_to_path(path)
    return str(path)


def test_all_parts_are_ready_after_up(first: str) -> None:
    assert not_ready(first) == []
    assert devstack(first, "status").returncode == 0


def test_a_running_stack_is_left_alone(variables: dict[str, str], first: str) -> None:
    before = stack.status(first)

    done = devstack(first, "up")

    assert "is up already" in done.stdout
    assert stack.status(first) == before


def test_a_job_of_the_postgres_image_completes_and_reaches_the_database(
    variables: dict[str, str],
) -> None:
    run(variables, "kubectl", "apply", "-f", "-", text=JOB.format(host=variables["PGHOST"]))
    run(variables, "kubectl", "wait", "--for=condition=complete", "--timeout=60s", "job/greeting")

    log = run(variables, "kubectl", "logs", "job/greeting")

    assert "psql (PostgreSQL)" in log
    assert "accepting connections" in log


def test_pod_security_is_enforced(variables: dict[str, str]) -> None:
    run(variables, "kubectl", "create", "namespace", "strict")
    label = "pod-security.kubernetes.io/enforce=restricted"
    run(variables, "kubectl", "label", "namespace", "strict", label)

    with pytest.raises(AssertionError, match="violates PodSecurity"):
        run(variables, "kubectl", "apply", "-f", "-", text=PRIVILEGED_POD)


def test_psql_verifies_the_server_and_logs_in(variables: dict[str, str]) -> None:
    query = "SELECT ssl, current_setting('server_version_num')::int / 10000, current_user"
    query += " FROM pg_stat_ssl WHERE pid = pg_backend_pid()"

    assert variables["PGSSLMODE"] == "verify-full"
    assert run(variables, "psql", "-XAt", "-c", query) == "t|15|postgres"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"PGSSLMODE": "disable"}, "no encryption"),
        ({"PGPASSWORD": "wrong"}, "password authentication failed"),
    ],
    ids=["without TLS", "with a wrong password"],
)
def test_psql_is_refused(variables: dict[str, str], changed: dict[str, str], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        run(variables | changed, "psql", "-Xw", "-c", "SELECT")


def test_servers_are_refused_by_clients_that_trust_another_authority(
    variables: dict[str, str], foreign_authority: str
) -> None:
    with pytest.raises(AssertionError, match="certificate verify failed"):
        run(variables | {"PGSSLROOTCERT": foreign_authority}, "psql", "-Xw", "-c", "SELECT")
    with pytest.raises(AssertionError, match="unknown authority"):
        run(variables | {"VAULT_CACERT": foreign_authority}, "bao", "status")


def test_vault_answers_over_tls_and_takes_the_token(variables: dict[str, str]) -> None:
    assert variables["VAULT_ADDR"].startswith("https://")
    assert "Sealed                  false" in run(variables, "bao", "status")
    assert "root" in run(variables, "bao", "token", "lookup", "-field=policies")


def test_a_sealed_vault_is_shown_and_unsealed_by_up(variables: dict[str, str], first: str) -> None:
    run(variables, "bao", "operator", "seal")

    assert not_ready(first) == ["vault"]
    assert devstack(first, "status").returncode == 1

    stack.up(first, silent)

    assert not_ready(first) == []


def test_a_stopped_stack_keeps_its_variables_and_its_data(
    variables: dict[str, str], first: str
) -> None:
    run(variables, "psql", "-Xc", "CREATE TABLE kept AS SELECT 42 AS answer")
    run(variables, "bao", "secrets", "enable", "-path=kept", "-version=2", "kv")
    run(variables, "bao", "kv", "put", "-mount=kept", "secret", "answer=42")
    run(variables, "kubectl", "create", "configmap", "kept", "--from-literal=answer=42")

    stack.down(first, silent)
    stopped = environment(first)
    stack.up(first, silent)

    assert stopped == variables == environment(first)
    assert run(variables, "psql", "-XAtc", "SELECT answer FROM kept") == "42"
    assert run(variables, "bao", "kv", "get", "-mount=kept", "-field=answer", "secret") == "42"
    read = ("kubectl", "get", "configmap", "kept", "-o", "jsonpath={.data.answer}")
    assert run(variables, *read) == "42"


def test_a_stopped_stack_leaves_no_trace_but_its_folder(
    variables: dict[str, str], first: str
) -> None:
    recorded = layout.load(first)
    assert traces(first, recorded)

    stack.down(first, silent)

    assert traces(first, recorded) == []
    assert recorded.folder.exists()


@pytest.mark.parametrize("daemon", DAEMONS)
def test_up_replaces_a_killed_daemon(variables: dict[str, str], first: str, daemon: str) -> None:
    killed = processes.running(layout.load(first).records / daemon)
    assert killed
    assert killed.signal(signal.SIGKILL, seconds=10)
    assert not_ready(first)

    stack.up(first, silent)

    assert not_ready(first) == []


def test_up_starts_again_after_everything_was_killed(variables: dict[str, str], first: str) -> None:
    for record in layout.load(first).records.iterdir():
        process = processes.running(record) if record.name in DAEMONS else None
        if process:
            process.signal(signal.SIGKILL, seconds=10)

    stack.up(first, silent)

    assert not_ready(first) == []


def test_stacks_side_by_side_do_not_touch_each_other(
    variables: dict[str, str], first: str, second: str
) -> None:
    before = stack.status(first)

    stack.up(second, silent)
    recorded, others = layout.load(second), environment(second)

    assert variables["PGHOST"] != others["PGHOST"]
    with pytest.raises(AssertionError, match="certificate verify failed"):
        run(others | {"PGSSLROOTCERT": variables["PGSSLROOTCERT"]}, "psql", "-Xwc", "SELECT")

    stack.down(second, silent, purge=True)

    assert traces(second, recorded) == []
    assert not recorded.folder.exists()
    assert stack.status(first) == before


def test_two_stacks_start_at_the_same_time(second: str) -> None:
    third = f"{second}2"
    try:
        with ThreadPoolExecutor() as pool:
            done = list(pool.map(lambda name: devstack(name, "up"), (second, third)))

        assert [each.returncode for each in done] == [0, 0]
        assert not_ready(second) == not_ready(third) == []
        assert layout.load(second).network != layout.load(third).network
    finally:
        stack.down(third, silent, purge=True)


def start_until(name: str, reached: Callable[[layout.Stack], bool]) -> "subprocess.Popen[bytes]":
    """Begin an up, and return as soon as it has come that far."""
    command = [sys.executable, "-m", "devstack", "--name", name, "up"]
    starting = subprocess.Popen(command, cwd=layout.ROOT, stdout=subprocess.DEVNULL)
    wait_until(
        lambda: layout.exists(name) and reached(layout.load(name)),
        "up to come that far",
        seconds=60,
    )
    return starting


@pytest.mark.parametrize(
    "reached",
    [
        lambda started: started.pki.exists(),
        lambda started: (started.records / "vault").exists(),
        lambda started: (started.records / "node-init").exists(),
        lambda started: (started.logs / "kubelet.log").exists(),
    ],
    ids=["certificates", "Vault started", "node made", "kubelet started"],
)
def test_up_succeeds_after_an_up_that_was_killed(
    second: str, reached: Callable[[layout.Stack], bool]
) -> None:
    with start_until(second, reached) as starting:
        starting.kill()

    stack.up(second, silent)

    assert not_ready(second) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_an_interrupted_up_stops_what_it_started(second: str, number: int) -> None:
    with start_until(second, lambda started: (started.records / "node-init").exists()) as starting:
        starting.send_signal(number)
        assert starting.wait(timeout=60) == 130

    assert traces(second, layout.load(second)) == []
