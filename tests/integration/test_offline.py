"""A preview, as a check of a pull request runs it, needs no server."""

from collections.abc import Callable, Iterator

import pytest

from devstack import stack
from tests.integration.conftest import DEV
from tests.support.deployment import Deployment


@pytest.fixture(scope="module")
def stopped(dev: Deployment, devstack: dict[str, str]) -> Iterator[Deployment]:
    """Return an environment that is up on a stack that is not; start it again afterwards."""
    name = devstack["DEVSTACK_NAME"]
    stack.down(name, lambda _: None)
    yield dev
    stack.up(name, lambda _: None)


def test_a_preview_of_an_existing_environment_has_no_changes(stopped: Deployment) -> None:
    stopped.preview("--expect-no-changes").expect()


def test_a_preview_shows_what_a_changed_setting_does(stopped: Deployment) -> None:
    stopped.configure(timeoutSeconds=900)
    preview = stopped.preview().expect()
    stopped.configure(timeoutSeconds=600)

    assert "replace" in preview.text
    assert "checkpoints-migration-job" in preview.text


def test_a_preview_of_a_new_environment_creates_everything(
    stopped: Deployment, deploy: Callable[..., Deployment]
) -> None:
    preview = deploy("pull-request", **DEV).preview().expect()

    assert "41 to create" in preview.text


def test_up_without_a_cluster_says_so(stopped: Deployment) -> None:
    stopped.configure(allowDataLoss=True, timeoutSeconds=900)
    outcome = stopped.up()
    stopped.configure(allowDataLoss=False, timeoutSeconds=600)

    assert outcome.status != 0
    assert "nothing was changed: expected Vault at" in outcome.text


def test_the_environment_is_unharmed_after_a_restart(stopped: Deployment, devstack) -> None:
    stack.up(devstack["DEVSTACK_NAME"], lambda _: None)

    stopped.up("--refresh").expect()
    assert stopped.outputs()["verification"]["ok"] is True


def test_a_preview_needs_no_token_that_a_vault_which_answers_knows(stopped: Deployment) -> None:
    # The stand-in provider asks for some token, the official one for none.
    stopped.preview("--expect-no-changes", VAULT_TOKEN="wrong").expect()
