"""What docs/destroy.md says to do after a pulumi command was killed."""

import re

from tests.support.deployment import Deployment, Outcome

ADOPT = """
stack=$1 && shift
pulumi preview --non-interactive --stack "$stack" --json --import-file existing.json |
    python3 -m components.adopt existing.json "$@"
"""
# A diagnostic's head: the resource that it is about.
ABOUT = re.compile(r"\((checkpoints-[\w-]+)\):$", re.MULTILINE)
ATTEMPTS = 5
# How the providers say that what a killed `up` made is there already.
EXISTS = ("already exists", "already in use", "check-and-set")


def unlock(deployment: Deployment) -> None:
    """Take the lock and the pending operations of a killed command away."""
    stack = deployment.stack
    deployment.pulumi("cancel", "--yes", "--stack", stack).expect()
    deployment.pulumi(
        *("refresh", "--yes", "--skip-preview", "--clear-pending-creates", "--stack", stack)
    ).expect()


def adopt(deployment: Deployment, *resources: str) -> None:
    """Import the resources, which all exist."""
    deployment.run("sh", "-c", ADOPT, "adopt", deployment.stack, *resources).expect()
    deployment.pulumi(
        *("import", "--yes", "--skip-preview", "--protect=false", "--generate-code=false"),
        *("--file", "existing.json", "--stack", deployment.stack),
    ).expect()


def recover(deployment: Deployment) -> Outcome:
    """Bring the environment up after a kill; return how the last `up` ended."""
    unlock(deployment)
    outcome = deployment.up()
    for _ in range(ATTEMPTS):
        if not outcome.status or not any(words in outcome.text for words in EXISTS):
            break
        adopt(deployment, *dict.fromkeys(ABOUT.findall(outcome.text)))
        outcome = deployment.up()
    return outcome
