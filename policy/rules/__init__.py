"""The rules of the policy pack: they read plain data, return sentences, and need no policy SDK."""

from .images import by_digest, pinned
from .model import Resource, Rule, StackRule
from .pods import limited, not_root, read_only_root
from .rows import protected
from .secrets import hidden
from .success import awaited
from .vault import exact_bounds

__all__ = ["RULES", "STACK_RULES", "Resource", "Rule", "StackRule"]

RULES = (
    Rule("non-root", "No container runs as root or may become it.", not_root),
    Rule("read-only-root", "No container writes to its image's file system.", read_only_root),
    Rule("limits", "Every container has limits of CPU and memory.", limited),
    Rule("no-open-secrets", "No ConfigMap and no environment variable holds a secret.", hidden),
    Rule("exact-vault-roles", "A Vault role lets in named accounts by an audience.", exact_bounds),
    Rule("pinned-images", "Every image has a tag that names a release, or a digest.", pinned),
    Rule(
        "images-by-digest",
        "Outside dev every image has a digest, which no registry can move.",
        by_digest,
        mandatory=False,
    ),
    Rule("awaited", "Pulumi waits for every object that must succeed.", awaited),
)
STACK_RULES = (
    StackRule(
        "protected-rows", "In prod no setting removes a database, schema or KV mount.", protected
    ),
)
