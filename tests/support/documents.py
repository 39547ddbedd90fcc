"""Runs the commands of docs/ as a reader would."""

import re

from tests.support.deployment import REPOSITORY, Deployment, Outcome

BLOCK = re.compile(r"<!-- (.+?) -->\n```sh\n(.+?)```", re.DOTALL)


def follow(
    deployment: Deployment, document: str, block: str, *resources: str, **variables: str
) -> Outcome:
    """Run one block of a document, in the project with the stack selected."""
    blocks = dict(BLOCK.findall((REPOSITORY / "docs" / document).read_text()))
    return deployment.run(
        *("sh", "-e", "-u", "-c", blocks[block]),
        NAMESPACE=deployment.settings["namespace"],
        NAME=deployment.settings.get("name", "agent-executor"),
        RESOURCES=" ".join(resources),
        PULUMI_SKIP_CONFIRMATIONS="true",
        **variables,
    )
