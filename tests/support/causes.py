"""What can be wrong around the Jobs; each is broken for a while, then mended as the table says.

What a cure leaves, such as a quota that was raised, stays.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from tests.support.database import TABLES, connect
from tests.support.deployment import REPOSITORY, Deployment
from tests.support.migration_files import part
from tests.support.pods import Pods
from tests.support.postgres import PASSWORD, SUPERUSER, Server
from tests.support.vault_causes import VAULT_CAUSES, Settings, secret

Cause = Callable[[Deployment], AbstractContextManager[Settings]]

NO_REVIEWER = "reviewer without right"
NOBODYS_IMAGE = "localhost:1/no-such-image:1"
ROW = "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) VALUES ('t', 'c', '{}')"
ROW_SECURITY = REPOSITORY / "tests" / "fixtures" / "row_security_for_all.sql"
UP_FILE = part("up")
# The migration's container asks for 256Mi at most.
SMALL, LARGE = (
    {"limits": [{"type": "Container", "max": {"memory": memory}}]} for memory in ("100Mi", "1Gi")
)


def settings(**values: str) -> Cause:
    """Change settings only."""

    @contextmanager
    def cause(_: Deployment) -> Iterator[Settings]:
        yield {**values}

    return cause


@contextmanager
def no_create_right(dev: Deployment) -> Iterator[Settings]:
    """Take the right to make tables away from the owner, and the tables made already."""
    with connect(dev, dev.settings["databaseName"]) as admin:
        admin.execute(f"DROP TABLE IF EXISTS {', '.join(TABLES)}".encode())
        admin.execute("REVOKE CREATE ON SCHEMA public FROM pg_database_owner")
        try:
            yield {}
        finally:
            admin.execute("GRANT CREATE ON SCHEMA public TO pg_database_owner")


@contextmanager
def no_connection_left(dev: Deployment) -> Iterator[Settings]:
    """Leave the Jobs' role one connection, where the migration needs two."""
    role = f'ALTER ROLE "{dev.settings["databaseName"]}_migrator" CONNECTION LIMIT '
    with connect(dev, dev.settings["databaseName"]) as admin:
        admin.execute(f"{role} 1".encode())
        try:
            yield {}
        finally:
            admin.execute(f"{role} 5".encode())


@contextmanager
def event_trigger(dev: Deployment) -> Iterator[Settings]:
    """Turn row security on for every new table, and drop the tables made already."""
    with connect(dev, dev.settings["databaseName"]) as admin:
        admin.execute(f"DROP TABLE IF EXISTS {', '.join(TABLES)}".encode())
        admin.execute(ROW_SECURITY.read_bytes())
        try:
            yield {}
        finally:
            admin.execute("ALTER EVENT TRIGGER row_security_for_all DISABLE")
            dev.up().expect()
            admin.execute("ALTER EVENT TRIGGER row_security_for_all ENABLE")


@contextmanager
def blocked(dev: Deployment) -> Iterator[Settings]:
    """Keep a transaction open that the build of an index waits for."""
    database = dev.settings["databaseName"]
    with connect(dev, database) as admin, connect(dev, database) as older:
        admin.execute("DROP INDEX IF EXISTS checkpoints_thread_id_idx")
        admin.execute(ROW.encode())
        older.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        older.execute("SELECT FROM checkpoints")
        try:
            yield {}
        finally:
            older.execute("ROLLBACK")
            admin.execute("DELETE FROM checkpoints")


@contextmanager
def newer_server(dev: Deployment) -> Iterator[Settings]:
    """Ask for dumps of a server that is newer than the clients of the stack's image."""
    with Server(tls=True, version=17, settings={"listen_addresses": "'*'"}) as newer:
        with (newer.root / "data" / "pg_hba.conf").open("a") as rules:
            rules.write("hostssl all all all scram-sha-256\n")
        newer.execute("SELECT pg_reload_conf()")
        login = {"username": SUPERUSER, "password": PASSWORD, "database": "postgres"}
        with secret(lambda fields: fields | login | {"port": str(newer.port)})(dev):
            yield {
                "insecureDatabaseSslMode": "require",
                "backupSchedule": "30 2 * * *",
                "backupBucket": "dumps",
            }


@contextmanager
def files_changed(dev: Deployment) -> Iterator[Settings]:
    """Exchange the ConfigMap for one with another up file; it cannot be edited."""
    kubectl = Pods(dev).kubectl
    listed = json.loads(kubectl("get", "configmaps", "-o", "json").expect().text)["items"]
    (files,) = (item for item in listed if UP_FILE in item["data"])
    files["data"][UP_FILE] += "DROP TABLE checkpoints;\n"
    for key in ("uid", "resourceVersion"):
        del files["metadata"][key]
    kubectl("delete", "configmap", files["metadata"]["name"]).expect()
    Pods(dev).create(files).expect()
    try:
        yield {}
    finally:
        dev.up("--refresh").expect()


@contextmanager
def quota(dev: Deployment) -> Iterator[Settings]:
    """Allow no pod in the namespace."""
    kubectl = Pods(dev).kubectl
    kubectl("create", "quota", "no-pods", "--hard=pods=0").expect()
    # The pods of finished Jobs may not be counted any more before the quota is known.
    try:
        kubectl("wait", "--for=jsonpath={.status.hard.pods}=0", "quota/no-pods").expect()
        yield {}
    finally:
        kubectl("patch", "quota", "no-pods", "-p", '{"spec": {"hard": {"pods": "20"}}}').expect()
        kubectl("wait", "--for=jsonpath={.status.hard.pods}=20", "quota/no-pods").expect()


@contextmanager
def limits(dev: Deployment) -> Iterator[Settings]:
    """Let the API server admit small containers only."""
    metadata = {"name": "small"}
    manifest = {"apiVersion": "v1", "kind": "LimitRange", "metadata": metadata}
    Pods(dev).create(manifest | {"spec": SMALL}).expect()
    try:
        yield {}
    finally:
        widened = json.dumps({"spec": LARGE})
        Pods(dev).kubectl("patch", "limitrange", "small", "--type=merge", "-p", widened).expect()


@contextmanager
def no_reviewer(dev: Deployment) -> Iterator[Settings]:
    """Take the right to review tokens from the ServiceAccount that Vault does it with."""
    text = dev.run("kubectl", "get", "clusterrolebindings", "-o", "json").expect().text
    (binding,) = (
        item
        for item in json.loads(text)["items"]
        for subject in item.get("subjects", ())
        if subject.get("namespace") == dev.settings["namespace"]
    )
    name = binding["metadata"]["name"]
    dev.run("kubectl", "delete", "clusterrolebinding", name).expect()
    try:
        yield {}
    finally:
        for key in ("uid", "resourceVersion"):
            del binding["metadata"][key]
        Pods(dev).create(binding).expect()


@contextmanager
def cordoned(dev: Deployment) -> Iterator[Settings]:
    """Let the only node take no pod."""
    (node,) = json.loads(dev.run("kubectl", "get", "nodes", "-o", "json").text)["items"]
    name = node["metadata"]["name"]
    dev.run("kubectl", "cordon", name).expect()
    try:
        yield {}
    finally:
        dev.run("kubectl", "uncordon", name).expect()


CAUSES: dict[str, Cause] = {
    **VAULT_CAUSES,
    NO_REVIEWER: no_reviewer,
    "database password": secret(lambda fields: fields | {"password": "wrong"}),
    "host with a port": secret(lambda fields: fields | {"host": "db.example.com:5432"}),
    # Too long for a name of DNS, so that nobody has to be asked.
    "unknown host": secret(lambda fields: fields | {"host": f"{'n' * 64}.example.com"}),
    "no connection left": no_connection_left,
    "database missing": secret(lambda fields: fields | {"database": "another"}),
    "database away": secret(lambda fields: fields | {"port": "1"}),
    "client older than the server": newer_server,
    # Before the next one, which leaves no table.
    "blocked": blocked,
    "create right": no_create_right,
    "event trigger": event_trigger,
    "reader missing": settings(databaseReaders="nobody_here"),
    "image of vault-init": settings(vaultImage=NOBODYS_IMAGE),
    "image of the migration": settings(postgresImage=NOBODYS_IMAGE),
    "quota": quota,
    "limit range": limits,
    "no node": cordoned,
    "files changed": files_changed,
}
