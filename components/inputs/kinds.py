"""What the value of an input may be: each kind has a type, a rule and the words of a refusal.

msgspec keeps the rules that are a Meta, on the value as it was given. A rule that is a function
gets the value that is used in the end, which may be the shell's, and returns what is wrong with
it.
"""

import re
from typing import Annotated, Any

import pulumi
from msgspec import Meta

from .certificates import certificates
from .cron import schedule
from .names import database_name, role_name
from .urls import vault_url


def words(expected: str) -> Meta:
    """Return what a text is to be, where a function is the rule."""
    return Meta(extra={"expected": expected})


def text(pattern: str, expected: str) -> Meta:
    """Return the rule of a text that is as `pattern` has it, in ASCII, and is `expected`."""
    return Meta(pattern=rf"\A(?a:{pattern})\Z", extra={"expected": expected})


def optional(pattern: str, expected: str) -> Meta:
    """Return the rule of a text that may be empty too."""
    return text(f"({pattern})?", expected)


_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_VALUE = r"[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?"
_SIZE = r"[1-9]\d*[MGT]i"
# Vault names reach policies and the agent's configuration: no quote, no glob, no parent segment.
_SEGMENT = r"(?!.*\.\.)\w[\w.-]*"
_PATH = rf"{_SEGMENT}(/{_SEGMENT})*"

_PORT = r"([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5])"


def vault_namespace(value: str) -> str | None:
    """Return what is wrong with a namespace of Vault, which may be the shell's."""
    if not value or re.fullmatch(rf"(?a:/*{_PATH}/*)", value):
        return None
    return f"expected names joined by '/', found {value!r}"


# The engine's own rule for the name of a stack, which an environment has.
Environment = Annotated[
    str, optional(r"[\w.-]{1,100}", "letters, digits, '_', '.' and '-', at most 100")
]
# RFC 1123 labels have 63 characters; up to 17 ("-verification-NNN") come behind these prefixes.
KubernetesPrefix = Annotated[
    str,
    text(r"[a-z0-9]([-a-z0-9]{0,44}[a-z0-9])?", "lower-case letters, digits and '-', at most 46"),
]
KubernetesName = Annotated[str, text(_LABEL, "lower-case letters, digits and '-', at most 63")]
Claim = Annotated[
    str,
    optional(
        _LABEL,
        "the name of a PersistentVolumeClaim in lower-case letters, digits and '-', at most 63",
    ),
]
ClaimSize = Annotated[str, optional(_SIZE, "a size such as 20Gi")]
Memory = Annotated[str, text(_SIZE, "a size such as 1Gi")]
RuleLabel = Annotated[
    str,
    optional(
        rf"([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?{_VALUE}={_VALUE}",
        "a label such as release=kube-prometheus-stack",
    ),
]
# An image reference; it must not be read as a shell word or a flag.
Image = Annotated[str, text(r"(?!.*\.\.)[a-z0-9][\w.:/@-]*", "an image reference")]
Schedule = Annotated[str, words("five fields of cron"), schedule]
CertificateFile = Annotated[str, words("a file of certificates in PEM"), certificates]

VaultUrl = Annotated[str, words("a URL"), vault_url]
VaultName = Annotated[str, text(_SEGMENT, "letters, digits, '_', '.' and '-'")]
VaultPath = Annotated[
    str, text(_PATH, "segments of letters, digits, '_', '.' and '-', joined by '/'")
]
VaultNamespace = Annotated[str, words("names joined by '/'"), vault_namespace]
Audience = Annotated[
    str, text(r"\w[\w.:/@-]*", "a name or a URL, since a role without an audience takes any token")
]

# What a refusal names: the id that a stack drew, a Vault's cluster id with a namespace behind it.
OwnerId = Annotated[str, optional(r"\w[\w-]{0,63}", "an owner id as a refusal names it")]
VaultId = Annotated[
    str, optional(r"[\da-f-]{36}(/\w[\w./-]*)?", "a Vault's identity as a refusal names it")
]
SystemId = Annotated[str, optional(r"\d{1,20}", "a system_identifier as a refusal names it")]

DatabaseName = Annotated[str, words("a name of at most 63 bytes"), database_name]
RoleName = Annotated[str, words("a name of at most 63 bytes"), role_name]

Bucket = Annotated[
    str,
    optional(
        r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/\w[\w.-]*)*",
        "a bucket's name, and a prefix behind a slash",
    ),
]
# No http: a dump holds what users wrote.
BucketEndpoint = Annotated[
    str,
    optional(
        rf"https://([\w.-]+|\[[\da-fA-F:.]+\])(:{_PORT})?/?",
        "a URL such as https://s3.example.com:9000",
    ),
]
BucketRegion = Annotated[str, optional(r"\w[\w-]*", "a name")]

# What it may say, pod_rules.py knows.
PodTemplate = Annotated[dict[str, Any], words("an object such as docs/pods.md shows")]

# Their values stand in no message.
Password = Annotated[str | pulumi.Output[str], "secret"]
Kubeconfig = Annotated[str, "secret"]

Port = Annotated[int, Meta(ge=0, le=65535)]
Days = Annotated[int, Meta(ge=1, le=3650)]
DaysOrNever = Annotated[int, Meta(ge=0, le=36500)]
Hours = Annotated[int, Meta(ge=1, le=10**5)]
