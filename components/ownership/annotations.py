"""The annotations by which an object says whose it is."""

# Annotation that tells one environment's objects from another's.
ENVIRONMENT = "langgraph-checkpoint/environment"
# Annotation that tells one stack's objects from those of another stack of the same name.
OWNER = "langgraph-checkpoint/owner"


def owned_by(environment: str) -> dict[str, str]:
    """Return the annotations that tell people whose object it is."""
    return {ENVIRONMENT: environment}
