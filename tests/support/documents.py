"""Runs the commands of the documents as a reader would."""

import re

from tests.support.deployment import REPOSITORY, Deployment, Outcome

BLOCK = re.compile(r"<!-- ([\w ]+) -->\n```(?:sh|sql)\n(.+?)```", re.DOTALL)


def commands(page: str, block: str) -> str:
    """Return one block of a page, which is named as from the repository's root."""
    return dict(BLOCK.findall((REPOSITORY / page).read_text()))[block]


def follow(
    deployment: Deployment, page: str, block: str, *resources: str, **variables: str
) -> Outcome:
    """Run one block of a page, in the project with the stack selected."""
    settings = deployment.settings
    given = {
        "NAMESPACE": settings.get("namespace", "bizmatters"),
        "NAME": settings.get("name", "agent-executor"),
        "ACCOUNT": settings.get("serviceAccount", "agent-executor"),
        "RESOURCES": " ".join(resources),
        "PULUMI_SKIP_CONFIRMATIONS": "true",
    }
    text = commands(page, block)
    # PostgreSQL's own programs are an administrator's.
    if not re.search(r"\b(psql|pg_\w+)\b", text):
        given |= deployment.deployer
    outcome = deployment.run("sh", "-e", "-u", "-c", text, **(given | variables))
    deployment.learn()
    return outcome
