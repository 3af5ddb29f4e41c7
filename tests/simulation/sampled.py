"""A fixed sample of all experiments, small enough for `make mutants`, which runs these tests against its mutants.

`make test` runs random samples instead, so it doesn't collect this file.
"""

from __future__ import annotations

from itertools import product
from random import Random

import pytest

from tests.simulation.crew_scenarios import WITH_CREW
from tests.simulation.generated import disturbed
from tests.simulation.network import FAULTS
from tests.simulation.run import GENERATED, run
from tests.simulation.scenarios import SCENARIOS

GENERATED_AT_A_TIME = 20
FAULTS_A_SCENARIO = 80
CREW_FAULTS = 20
"""The number of runs, with one fault each, of a scenario with listeners or jobs: fewer than of others, as they take
longer."""


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_promise_holds_in_a_scenario_without_faults(scenario: str) -> None:
    run(scenario, {})


@pytest.mark.parametrize(("kind", "batch"), list(product(GENERATED, range(8))))
def test_every_promise_holds_in_a_generated_scenario(kind: str, batch: int) -> None:
    for number in range(GENERATED_AT_A_TIME):
        seed = batch * GENERATED_AT_A_TIME + number
        steps = run(kind, {}, seed)
        if kind == "rough":
            run(kind, disturbed(Random(seed), steps), seed)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_promise_survives_some_faults(scenario: str) -> None:
    every = list(product(range(len(run(scenario, {}))), FAULTS))
    count = CREW_FAULTS if scenario in WITH_CREW else FAULTS_A_SCENARIO
    for number, fault in Random(scenario).sample(every, min(count, len(every))):
        run(scenario, {number: fault})
