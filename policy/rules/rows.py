"""The rule that production data does not go by a change of settings."""

from collections.abc import Iterator, Sequence

from .model import Resource

PRODUCTION = ("prod", "production")
GUARD = "pulumi-python:dynamic:DataGuard"
# What holds rows or the way to them: what the guard calls it, and the property with its name.
HOLDERS = {
    "postgresql:index/database:Database": ("database", "name"),
    "postgresql:index/schema:Schema": ("schema", "name"),
    "vault:index/mount:Mount": ("KV mount", "path"),
}


def protected(resources: Sequence[Resource]) -> Iterator[tuple[Resource, str]]:
    """Accept `protect`, and the program's own guard where it allows no loss."""
    in_production = [one for one in resources if one.environment in PRODUCTION]
    guarded: set[tuple[str, str]] = set()
    for guard in in_production:
        if guard.type != GUARD:
            continue
        if guard.props["allow_data_loss"]:
            yield guard, "expected allowDataLoss false in prod, found true"
        else:
            guarded |= set(guard.props["owned"].items())
    for resource in in_production:
        if resource.type not in HOLDERS or resource.protect:
            continue
        what, key = HOLDERS[resource.type]
        name = resource.props.get(key)
        if (what, name) not in guarded:
            yield (
                resource,
                f"expected {what} {name!r} to be protected or guarded in prod, found neither: "
                "set protect, or leave it to the team that owns it",
            )
