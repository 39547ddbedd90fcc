"""What docs/destroy.md says to do after a pulumi command was killed."""

import re

from tests.support.deployment import Deployment, Outcome
from tests.support.documents import follow

# A diagnostic's head: the resource that it is about.
ABOUT = re.compile(r"\((checkpoints-[\w-]+)\):$", re.MULTILINE)
ATTEMPTS = 5
# How the providers say that what a killed `up` made is there already.
EXISTS = ("already exists", "already in use", "check-and-set")


def recover(deployment: Deployment) -> Outcome:
    """Bring the environment up after a kill; return how the last `up` ended."""
    follow(deployment, "docs/destroy.md", "unlock").expect()
    outcome = follow(deployment, "docs/destroy.md", "up")
    for _ in range(ATTEMPTS):
        if not outcome.status or not any(words in outcome.text for words in EXISTS):
            break
        resources = dict.fromkeys(ABOUT.findall(outcome.text))
        follow(deployment, "docs/adopt.md", "import file", *resources).expect()
        follow(deployment, "docs/adopt.md", "import").expect()
        outcome = follow(deployment, "docs/destroy.md", "up")
    return outcome
