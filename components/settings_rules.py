"""What an environment's settings must fulfil, checked before any resource is registered."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .settings import Settings

VERIFY = ("onChange", "always")
INSECURE_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca")

# RFC 1123 labels have 63 characters; up to 17 ("-verification-001") come behind these prefixes.
KUBERNETES_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]{0,44}[a-z0-9])?")
KUBERNETES_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
# Vault names reach policies and the agent's configuration: no quote, no glob, no parent segment.
VAULT_NAME = re.compile(r"\w[\w.-]*", re.ASCII)
VAULT_PATH = re.compile(r"\w[\w.-]*(/\w[\w.-]*)*", re.ASCII)
AUDIENCE = re.compile(r"\w[\w.:/@-]*", re.ASCII)
# No user information, which would stand in the Jobs, and nothing that a shell or a log obeys.
URL = re.compile(r"https?://([\w.-]+|\[[\da-fA-F:.]+\])(:(?P<port>\d{1,5}))?(/[\w./-]*)?", re.ASCII)
HOST = re.compile(r"[\w:][\w.,:-]*", re.ASCII)
# An image reference; it must not be read as a shell word or a flag.
IMAGE = re.compile(r"[a-z0-9][\w.:/@-]*", re.ASCII)

POSTGRES_NAME_BYTES = 63


def contradictions(settings: "Settings", stack: str) -> list[str]:
    """Return every problem of the completed settings, one sentence each."""
    return [
        *_environment(settings, stack),
        *_names(settings),
        *_vault(settings),
        *_database(settings),
        *_numbers(settings),
        *_backup(settings),
    ]


def _environment(settings: "Settings", stack: str) -> Iterator[str]:
    if not settings.environment:
        yield (
            f"environment: expected {stack!r}, found nothing: this environment is unknown; "
            f"write Pulumi.{stack}.yaml, Pulumi.dev.yaml shows how"
        )
    elif settings.environment != stack:
        yield (
            f"environment: expected the stack's name {stack!r}, found {settings.environment!r}; "
            "these look like another environment's settings"
        )


def _names(settings: "Settings") -> Iterator[str]:
    patterns = {
        "lower-case letters, digits and '-', at most 46": (
            KUBERNETES_PREFIX,
            ("name", "serviceAccount"),
        ),
        "lower-case letters, digits and '-', at most 63": (KUBERNETES_NAME, ("namespace",)),
        "letters, digits, '_', '.' and '-'": (VAULT_NAME, ("vaultRole", "vaultPolicy")),
        "segments of letters, digits, '_', '.' and '-', joined by '/'": (
            VAULT_PATH,
            ("vaultAuthMount", "vaultKvMount", "vaultSecretPath"),
        ),
        "an image reference": (IMAGE, ("postgresImage", "vaultImage")),
    }
    for expected, (pattern, keys) in patterns.items():
        for key in keys:
            value = getattr(settings, re.sub("[A-Z]", lambda m: "_" + m[0].lower(), key))
            if not pattern.fullmatch(value) or ".." in value:
                yield f"{key}: expected {expected}, found {value!r}"


def _vault(settings: "Settings") -> Iterator[str]:
    if not settings.vault_address:
        yield "vaultAddress: expected Vault's URL, found nothing; set it or export VAULT_ADDR"
    for key, url in (
        ("vaultAddress", settings.vault_address),
        ("vaultAddressInCluster", settings.vault_address_in_cluster),
    ):
        if url and not _is_url(url):
            yield f"{key}: expected a URL such as https://vault.example.com:8200, found {url!r}"
        elif url.startswith("http:") and not settings.insecure_vault_http:
            yield f"{key}: expected https://, found {url!r}; only insecureVaultHttp allows http://"
    host = settings.kubernetes_host_for_vault
    if settings.manage_vault_auth_mount and not host:
        yield "kubernetesHostForVault: expected the API server's URL; set it or export KUBECONFIG"
    elif settings.manage_vault_auth_mount and not _is_url(host):
        yield f"kubernetesHostForVault: expected the API server's URL, found {host!r}"
    if not settings.vault_audience:
        yield "vaultAudience: expected a name, found nothing; a role without one takes any token"
    elif not AUDIENCE.fullmatch(settings.vault_audience):
        yield f"vaultAudience: expected a name or a URL, found {settings.vault_audience!r}"
    if settings.vault_namespace and not VAULT_PATH.fullmatch(settings.vault_namespace.strip("/")):
        yield f"vaultNamespace: expected names joined by '/', found {settings.vault_namespace!r}"
    yield from _no_certificate("vaultCaCertFile", settings.vault_ca_cert_file)


def _database(settings: "Settings") -> Iterator[str]:
    if settings.manage_database and not settings.manage_secret:
        yield "manageSecret: expected true, since manageDatabase makes the passwords"
    if settings.manage_secret and not settings.database_host:
        yield "databaseHost: expected a host for the managed secret; set it or export PGHOST"
    elif settings.manage_secret and not HOST.fullmatch(settings.database_host):
        yield f"databaseHost: expected a host name or address, found {settings.database_host!r}"
    if settings.manage_secret and not settings.manage_database:
        for key, value in (
            ("databaseUsername", settings.database_username),
            ("databasePassword", settings.database_password),
        ):
            if not value:
                yield f"{key}: expected a value for the managed secret; set it with --secret"
    if settings.insecure_database_ssl_mode not in ("", *INSECURE_SSL_MODES):
        yield (
            f"insecureDatabaseSslMode: expected one of {', '.join(INSECURE_SSL_MODES)}, "
            f"found {settings.insecure_database_ssl_mode!r}; leave it empty for verify-full"
        )
    if settings.insecure_database_ssl_mode == "verify-ca" and not settings.database_ca_cert_file:
        yield "databaseCaCertFile: expected a PEM file, since libpq verifies no public CA this way"
    for key, value in (
        ("databaseName", settings.database_name),
        ("databaseSchema", settings.database_schema),
        ("databaseUsername", settings.database_username),
        ("databaseOwner", settings.database_owner),
        ("databaseApplicationRole", settings.database_application_role),
    ):
        # libpq's service file takes one line a value, PostgreSQL cuts names off silently.
        if not value.isprintable() or len(value.encode()) > POSTGRES_NAME_BYTES:
            yield f"{key}: expected at most 63 bytes of printable characters, found {value!r}"
        if value != value.strip():
            yield f"{key}: expected a name without spaces around it, found {value!r}"
    if settings.verify not in VERIFY:
        yield f"verify: expected one of {', '.join(VERIFY)}, found {settings.verify!r}"
    if not settings.database_name or not settings.database_schema:
        yield "databaseName, databaseSchema: expected names, found nothing"
    if settings.database_schema == "$user":
        yield "databaseSchema: expected a schema, found '$user', which is the role's own"
    if any(character in settings.database_password for character in "\n\r\0\ufffd"):
        # By its name only: the value is a secret.
        yield "databasePassword: expected one line of text, found a line break, a NUL or no UTF-8"
    if settings.database_schema.startswith("pg_"):
        yield f"databaseSchema: expected a user's schema, found {settings.database_schema!r}"
    yield from _no_certificate("databaseCaCertFile", settings.database_ca_cert_file)


def _backup(settings: "Settings") -> Iterator[str]:
    claim = settings.rollback_backup_claim
    if claim and not KUBERNETES_NAME.fullmatch(claim):
        yield (
            "rollbackBackupClaim: expected the name of a PersistentVolumeClaim in lower-case "
            f"letters, digits and '-', at most 63, found {claim!r}"
        )
    if claim and settings.manage_namespace:
        yield (
            "rollbackBackupClaim: expected manageNamespace to be false, since the claim and the "
            "dump in it would go with the namespace"
        )


def _numbers(settings: "Settings") -> Iterator[str]:
    for key, value, least, most in (
        ("databasePort", settings.database_port, 1, 65535),
        ("backoffLimit", settings.backoff_limit, 0, 20),
        ("ttlSecondsAfterFinished", settings.ttl_seconds_after_finished, 60, 10**9),
        ("startSeconds", settings.start_seconds, 1, 10**6),
        ("timeoutSeconds", settings.timeout_seconds, 30, 10**6),
    ):
        if not least <= value <= most:
            yield f"{key}: expected a number from {least} to {most}, found {value}"


def _is_url(text: str) -> bool:
    match = URL.fullmatch(text)
    return match is not None and int(match["port"] or 443) in range(1, 65536)


def _no_certificate(key: str, path: str) -> Iterator[str]:
    """Complain of a file that is not for everybody's eyes, since a ConfigMap shows it to many."""
    if path and not Path(path).is_file():
        yield f"{key}: expected a PEM file, found none at {path!r}"
    elif path:
        content = Path(path).read_bytes()
        if b"-----BEGIN CERTIFICATE-----" not in content or b"PRIVATE KEY" in content:
            yield f"{key}: expected certificates in PEM and no key, found others in {path!r}"
