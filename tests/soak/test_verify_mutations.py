"""Every mutation alone on every server, and random ones together."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random, randrange

import psycopg
import pytest

from tests.migrations.conftest import run_file
from tests.migrations.test_verify_mutations import LEGAL, MUTATIONS
from tests.support.mutations import Mutation, of_not_null_constraints
from tests.support.postgres import Server
from tests.support.postgres_versions import SUPPORTED
from tests.support.workshop import Workshop, at_once, is_named, open_workshop

COMBINATIONS = 200


@pytest.fixture(scope="module", params=SUPPORTED)
def workshop(request: pytest.FixtureRequest) -> Iterator[Workshop]:
    with Server(version=request.param) as server, open_workshop(server, run_file) as opened:
        yield opened


def test_every_mutation_alone_is_found_on_every_server(workshop: Workshop) -> None:
    mutations = [*MUTATIONS]
    if workshop.database.server.version == 18:
        mutations += of_not_null_constraints()

    assert at_once(workshop.complaints, [[each] for each in mutations]) == []


def test_all_legal_states_raise_no_alarm_on_any_server(workshop: Workshop) -> None:
    def problems(statements: str) -> list[str]:
        return workshop.verify(workshop.copy(statements))["problems"]

    assert at_once(problems, LEGAL.values()) == []


def test_random_mutations_together_do_not_hide_each_other(workshop: Workshop) -> None:
    seed = randrange(2**32)  # noqa: S311 -- chance, no secret
    print(f"seed {seed}")
    random = Random(seed)  # noqa: S311 -- chance, no secret

    def complaints(together: list[Mutation]) -> list[str]:
        try:
            schema = workshop.copy("; ".join(each.statements for each in together))
        except psycopg.Error:  # one takes away what another changes
            return []
        report = workshop.verify(schema, owned=True)
        # Each may rename, drop or replace what another one is about, but not all of them; what is
        # said of an object then differs.
        named = [is_named(replace(each, words=""), schema, report) for each in together]
        return [] if any(named) else [f"{together}: found {report['problems']}"]

    combinations = [random.sample(MUTATIONS, random.choice((2, 3))) for _ in range(COMBINATIONS)]
    assert at_once(complaints, combinations) == []
