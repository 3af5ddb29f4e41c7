"""Every scenario keeps its promises with a fault at one request: with a random sample of these faults, or with all of
them in `make huge`. A failure names the experiment to run again."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from itertools import product
from random import Random

import pytest

from tests.simulation.crew_scenarios import WITH_CREW
from tests.simulation.network import FAULTS
from tests.simulation.run import run
from tests.simulation.scenarios import SCENARIOS

SEED = int(os.environ.get("SEED") or secrets.randbelow(2**32))
SHARE = 1 / 3
"""The share of a scenario's single faults that one run of `make test` draws at random, `MOST` at the most. For
scenarios with listeners or jobs it draws `CREW_FAULTS` instead."""
MOST = 120
"""The most faults of one scenario in one run of `make test`: without a limit, the longest scenario takes as long as all
others together."""
CREW_FAULTS = 30
"""The number of faults that one run of `make test` draws for each scenario with listeners or jobs: their nodes look for
changes every second, so that each experiment takes long."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_promise_survives_single_faults_drawn_at_random(scenario: str) -> None:
    print(f"SEED={SEED}")
    dice, pairs = Random(f"{SEED} {scenario}"), _pairs(scenario)
    count = CREW_FAULTS if scenario in WITH_CREW else min(MOST, round(SHARE * len(pairs)))
    _try(scenario, dice.sample(pairs, count))


@pytest.mark.huge
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_promise_survives_any_single_fault(scenario: str) -> None:
    _try(scenario, _pairs(scenario))


def _pairs(scenario: str) -> Sequence[tuple[int, str]]:
    """Return each number of a step of the scenario's run without faults, with the name of each fault."""
    return list(product(range(len(run(scenario, {}))), FAULTS))


def _try(scenario: str, pairs: Sequence[tuple[int, str]]) -> None:
    broken = list(_broken(scenario, pairs))
    print(f"{scenario}: {len(pairs)} faults, {len(broken)} broken promises")
    assert pairs
    assert not broken, "\n".join(broken)


def _broken(scenario: str, pairs: Sequence[tuple[int, str]]) -> Iterator[str]:
    for number, fault in pairs:
        try:
            run(scenario, {number: fault})
        except Exception as error:  # noqa: BLE001 (any error is told)
            yield f"{scenario} {number}:{fault}: {error!r}"


@pytest.mark.parametrize("fault", ["", "pause-before", "crash-after"])
def test_the_same_experiment_takes_the_same_steps(fault: str) -> None:
    assert run("many-patches", {9: fault}, seed=7) == run("many-patches", {9: fault}, seed=7)
