"""Every promise holds in random programs, which Hypothesis draws, and shrinks if one breaks a promise.

`make soak` draws more of them, for a given time.
"""

from __future__ import annotations

import os
import secrets
from random import Random

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.simulation.generated import disturbed, drawn
from tests.simulation.program import Program
from tests.simulation.run import play

SEED = int(os.environ.get("SEED") or secrets.randbelow(2**32))

_budget = settings(
    max_examples=int(os.environ.get("EXAMPLES") or 200),
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


def _check_promises(program: Program, dice: Random, *, calm: bool) -> None:
    """Run the program without a fault; then, unless `calm`, with one to three random faults (`disturbed`). Raises the
    error of a run that breaks a promise."""
    steps = play(program.scenario(), repr(program), {})
    if not calm:
        play(program.scenario(), repr(program), disturbed(dice, steps))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("calm", [True, False], ids=["calm", "rough"])
def test_every_promise_survives_any_world(calm: bool) -> None:  # noqa: FBT001 (a parameter of the test)
    print(f"SEED={SEED}")

    @seed(SEED)
    @_budget
    @given(st.randoms(use_true_random=False))
    def hold(dice: Random) -> None:
        _check_promises(drawn(dice, calm=calm), dice, calm=calm)

    hold()
