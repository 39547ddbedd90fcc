"""Changed tokens open nothing, and no path but the one is readable."""

import random
import string

import pytest

from tests.integration.attacks.conftest import dev, pods, vault  # noqa: F401
from tests.integration.attacks.test_login import token
from tests.integration.attacks.test_token import NOTHING, SECRET, USES, elsewhere
from tests.support.deployment import Deployment
from tests.support.pods import Pods
from tests.support.vault_api import VaultApi

TRIES = 500
VERBS = ("GET", "LIST", "PUT", "POST", "DELETE")


@pytest.fixture
def dice() -> random.Random:
    seed = random.randrange(2**32)  # noqa: S311
    print(f"seed {seed}")
    return random.Random(seed)  # noqa: S311


def with_one_change(jwt: str, dice: random.Random) -> str:
    """Return a token with one character changed; the last of a part may hold unused bits."""
    ends = {index - 1 for index, letter in enumerate(jwt + ".") if letter == "."}
    index = dice.choice([i for i in range(len(jwt)) if i not in ends and jwt[i] != "."])
    letters = (string.ascii_letters + string.digits).replace(jwt[index], "")
    return jwt[:index] + dice.choice(letters) + jwt[index + 1 :]


def test_a_token_with_one_changed_character_opens_nothing(
    vault: VaultApi,  # noqa: F811
    pods: Pods,  # noqa: F811
    dice: random.Random,
) -> None:
    good = token(pods, "--audience=vault")
    before = vault.accessors()

    opened = [
        jwt for _ in range(TRIES) if vault.login(jwt := with_one_change(good, dice))[0] == 200
    ]

    assert opened == []
    assert vault.accessors() == before
    assert vault.login(good)[0] == 200


def test_random_paths_near_the_secret_are_closed(
    dev: Deployment,  # noqa: F811
    vault: VaultApi,  # noqa: F811
    pods: Pods,  # noqa: F811
    dice: random.Random,
) -> None:
    kv, auth = dev.settings["vaultKvMount"], dev.settings["vaultAuthMount"]
    own = f"{kv}/data/{SECRET}"
    known = [path for _, path in elsewhere(kv, auth, dev.settings["vaultRole"])]
    jwt = token(pods, "--audience=vault")
    answers: dict[tuple[str, str], int] = {}

    while len(answers) < TRIES:
        login = vault.login(jwt)[1]["auth"]["client_token"]
        for _ in range(USES - 1):
            path = with_noise(dice.choice(known), dice)
            if path.rstrip("/") != own:
                request = dice.choice(VERBS), path
                answers[request] = vault.request(*request, token=login)[0]
        assert vault.request("GET", own, token=login)[0] == 200

    # 404 is the answer for what is no path of Vault at all.
    assert {one: status for one, status in answers.items() if status not in (*NOTHING, 404)} == {}


def with_noise(path: str, dice: random.Random) -> str:
    parts = path.split("/")
    for _ in range(dice.randrange(3)):
        place = dice.randrange(len(parts) + 1)
        match dice.randrange(4):
            case 0:
                parts.insert(place, dice.choice(["data", "metadata", "x", "%2e%2e", "+", "*"]))
            case 1:
                parts = parts[: max(1, place)]
            case 2:
                parts = [*parts[:place], *parts[place + 1 :]] or parts
            case _:
                parts.append(dice.choice(["", "x", "postgres", "?version=1", "?list=true"]))
    return "/".join(parts)
