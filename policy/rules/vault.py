"""The rule about who may log in to Vault."""

from collections.abc import Iterator

from .model import Resource

ROLE = "vault:kubernetes/authBackendRole:AuthBackendRole"
BOUNDS = ("boundServiceAccountNames", "boundServiceAccountNamespaces")


def exact_bounds(resource: Resource) -> Iterator[str]:
    """Refuse patterns and selectors: what they match is decided by whoever names things next."""
    if resource.type != ROLE:
        return
    for bound in BOUNDS:
        names = list(resource.props.get(bound) or ())
        if not names or any(set("*?[") & set(str(name)) for name in names):
            yield f"expected exact names in {bound}, found {names}"
    if resource.props.get("boundServiceAccountNamespaceSelector"):
        yield "expected named namespaces, found boundServiceAccountNamespaceSelector"
    audience = resource.props.get("audience")
    if not audience or "*" in str(audience):
        yield f"expected an audience, found {audience or 'none'}: any token of the cluster would do"
