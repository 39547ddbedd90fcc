"""What an environment's settings must fulfil, checked before any resource is registered."""

import re
from collections.abc import Iterator

from .backup_rules import backup_problems
from .certificates import no_certificate
from .database_rules import SYSTEM_ID, database_problems
from .fields import Fields
from .ranges import out_of_range
from .retention_rules import retention_problems

VERIFY = ("onChange", "always")

# RFC 1123 labels have 63 characters; up to 17 ("-verification-NNN") come behind these prefixes.
KUBERNETES_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]{0,44}[a-z0-9])?")
KUBERNETES_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
# Vault names reach policies and the agent's configuration: no quote, no glob, no parent segment.
VAULT_NAME = re.compile(r"\w[\w.-]*", re.ASCII)
VAULT_PATH = re.compile(r"\w[\w.-]*(/\w[\w.-]*)*", re.ASCII)
AUDIENCE = re.compile(r"\w[\w.:/@-]*", re.ASCII)
# No user information, which would stand in the Jobs, and nothing that a shell or a log obeys.
URL = re.compile(r"https?://([\w.-]+|\[[\da-fA-F:.]+\])(:(?P<port>\d{1,5}))?(/[\w./-]*)?", re.ASCII)
# What a refusal names: the id that a stack drew, a Vault's cluster id with a namespace behind it.
OWNER_ID = re.compile(r"\w[\w-]{0,63}", re.ASCII)
VAULT_ID = re.compile(r"[\da-f-]{36}(/\w[\w./-]*)?", re.ASCII)
# An image reference; it must not be read as a shell word or a flag.
IMAGE = re.compile(r"[a-z0-9][\w.:/@-]*", re.ASCII)

LABEL = re.compile(
    r"([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?"
    r"=[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?",
    re.ASCII,
)


def settings_problems(settings: Fields, stack: str) -> list[str]:
    """Return every problem of the completed settings, one sentence each."""
    return [
        *_environment(settings, stack),
        *_names(settings),
        *_identities(settings),
        *_vault(settings),
        *database_problems(settings),
        *_verify(settings),
        *_monitoring(settings),
        *_numbers(settings),
        *backup_problems(settings),
        *retention_problems(settings),
        *_application(settings),
    ]


def _environment(settings: Fields, stack: str) -> Iterator[str]:
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


def _names(settings: Fields) -> Iterator[str]:
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
        "an image reference": (IMAGE, ("postgresImage", "vaultImage", "rcloneImage")),
    }
    for expected, (pattern, keys) in patterns.items():
        for key in keys:
            value = getattr(settings, re.sub("[A-Z]", lambda m: "_" + m[0].lower(), key))
            if not pattern.fullmatch(value) or ".." in value:
                yield f"{key}: expected {expected}, found {value!r}"


def _identities(settings: Fields) -> Iterator[str]:
    for key, value, pattern, expected in (
        ("takeOver", settings.take_over, OWNER_ID, "an owner id"),
        ("vaultServerId", settings.vault_server_id, VAULT_ID, "a Vault's identity"),
        ("databaseServerId", settings.database_server_id, SYSTEM_ID, "a system_identifier"),
    ):
        if value and not pattern.fullmatch(value):
            yield f"{key}: expected {expected} as a refusal names it, found {value!r}"


def _verify(settings: Fields) -> Iterator[str]:
    if settings.verify not in VERIFY:
        yield f"verify: expected one of {', '.join(VERIFY)}, found {settings.verify!r}"


def _vault(settings: Fields) -> Iterator[str]:
    if not settings.vault_address:
        yield "vaultAddress: expected Vault's URL, found nothing; set it or export VAULT_ADDR"
    for key, url in (
        ("vaultAddress", settings.vault_address),
        ("vaultAddressInCluster", settings.vault_address_in_cluster),
    ):
        if url and not _is_url(url):
            found = _shown(url)
            yield f"{key}: expected a URL such as https://vault.example.com:8200, found {found}"
        elif url.startswith("http:") and not settings.insecure_vault_http:
            yield f"{key}: expected https://, found {url!r}; only insecureVaultHttp allows http://"
    host = settings.kubernetes_host_for_vault
    if settings.manage_vault_auth_mount and not host:
        yield "kubernetesHostForVault: expected the API server's URL; set it or export KUBECONFIG"
    elif settings.manage_vault_auth_mount and not _is_url(host):
        yield f"kubernetesHostForVault: expected the API server's URL, found {_shown(host)}"
    if not settings.vault_audience:
        yield "vaultAudience: expected a name, found nothing; a role without one takes any token"
    elif not AUDIENCE.fullmatch(settings.vault_audience):
        yield f"vaultAudience: expected a name or a URL, found {settings.vault_audience!r}"
    if settings.vault_namespace and not VAULT_PATH.fullmatch(settings.vault_namespace.strip("/")):
        yield f"vaultNamespace: expected names joined by '/', found {settings.vault_namespace!r}"
    yield from no_certificate("vaultCaCertFile", settings.vault_ca_cert_file)


def _monitoring(settings: Fields) -> Iterator[str]:
    if settings.monitoring_prometheus_rule and not settings.monitoring:
        yield "monitoringPrometheusRule: expected monitoring to be true, since it makes the rules"
    label = settings.monitoring_rule_label
    if label and not LABEL.fullmatch(label):
        yield (
            "monitoringRuleLabel: expected a label such as release=kube-prometheus-stack, "
            f"found {label!r}"
        )


def _application(settings: Fields) -> Iterator[str]:
    replicas, connections = settings.application_replicas, settings.application_max_connections
    if not 1 <= replicas <= connections:
        yield (
            "applicationReplicas: expected at least 1 and a connection for each out of "
            f"applicationMaxConnections, found {replicas} replicas and {connections} connections"
        )


def _numbers(settings: Fields) -> Iterator[str]:
    yield from out_of_range(
        (
            ("databasePort", settings.database_port, 1, 65535),
            ("backoffLimit", settings.backoff_limit, 0, 20),
            ("ttlSecondsAfterFinished", settings.ttl_seconds_after_finished, 60, 10**9),
            ("startSeconds", settings.start_seconds, 1, 10**6),
            ("timeoutSeconds", settings.timeout_seconds, 30, 10**6),
            ("monitoringBytesLimit", settings.monitoring_bytes_limit, 0, 10**18),
            ("monitoringForecastDays", settings.monitoring_forecast_days, 1, 365),
            ("monitoringVerificationDays", settings.monitoring_verification_days, 1, 3650),
            ("monitoringRetentionHours", settings.monitoring_retention_hours, 1, 10**5),
            ("monitoringBackupHours", settings.monitoring_backup_hours, 1, 10**5),
        )
    )


def _shown(url: str) -> str:
    """Return an address for a message, unless a password may stand in it."""
    return "one with a user in it, which the Jobs would show" if "@" in url else repr(url)


def _is_url(text: str) -> bool:
    match = URL.fullmatch(text)
    return match is not None and int(match["port"] or 443) in range(1, 65536)
