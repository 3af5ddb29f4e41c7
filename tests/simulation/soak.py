"""Random experiments for a given time: `make soak MINUTES=30`. All pairs of faults in one scenario: `make soak
ALL=empty`.

Scenarios by name run with up to three faults, generated `calm` ones without any, `rough` ones without and with. An
experiment that fails prints as `SCENARIO SEED STEP:FAULT STEP:FAULT`; with these as arguments it is run again.
"""

from __future__ import annotations

import argparse
import gc
import random
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product

from tests.simulation.generated import disturbed, drawn
from tests.simulation.network import FAULTS, Plan
from tests.simulation.run import GENERATED, run
from tests.simulation.scenarios import SCENARIOS


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    parser.add_argument("--all", choices=SCENARIOS, metavar="SCENARIO")
    parser.add_argument("experiment", nargs="*", help="SCENARIO SEED [STEP:FAULT ...]")
    chosen = parser.parse_args()
    if chosen.experiment:
        scenario, seed, *faults = chosen.experiment
        if scenario in GENERATED:
            print(drawn(random.Random(int(seed)), calm=GENERATED[scenario]))
        run(scenario, dict(_parsed(faults)), int(seed))
        return 0
    gc.freeze()
    return _every_pair(chosen.all) if chosen.all else _soak(chosen.seed, chosen.minutes * 60)


def _every_pair(scenario: str) -> int:
    """Run the scenario with each pair of faults at two of its steps, and print the number of broken promises. Return
    the exit status, 1 if there are any."""
    runs = failed = 0
    for first, one in product(range(len(run(scenario, {}))), FAULTS):
        for second, second_fault in product(range(first + 1, len(run(scenario, {first: one}))), FAULTS):
            failed += not _holds(scenario, 0, {first: one, second: second_fault})
            runs += 1
    return _report(runs, failed)


def _soak(seed: int, seconds: float) -> int:
    print(f"--seed {seed}", flush=True)
    dice, until = random.Random(seed), time.monotonic() + seconds
    runs = failed = 0
    while time.monotonic() < until:
        for promise_held in _round(dice):
            failed += not promise_held
            runs += 1
    return _report(runs, failed)


def _round(dice: random.Random) -> Iterator[bool]:
    """Run four experiments: a named scenario with faults, a calm generated one, and a rough generated one without and
    with faults. Yield for each True if it kept every promise, else False."""
    yield _holds(*_drawn(dice))
    yield _holds("calm", dice.randrange(2**32), {})
    seed = dice.randrange(2**32)
    steps = _steps("rough", seed, {})
    yield bool(steps)
    yield _holds("rough", seed, disturbed(dice, steps))


def _report(runs: int, failed: int) -> int:
    print(f"{runs} experiments, {failed} broken promises")
    return int(failed > 0)


def _drawn(dice: random.Random) -> tuple[str, int, Plan]:
    scenario, seed = dice.choice(list(SCENARIOS)), dice.randrange(2**32)
    plan = {dice.randrange(_length(scenario)): dice.choice(list(FAULTS)) for _ in range(dice.choice((2, 2, 3)))}
    return scenario, seed, plan


def _holds(scenario: str, seed: int, plan: Plan) -> bool:
    return bool(_steps(scenario, seed, plan))


def _steps(scenario: str, seed: int, plan: Plan) -> Sequence[str]:
    """Run an experiment and return its steps. If it raises an exception, as for a broken promise, print the experiment
    and the exception, and return an empty sequence."""
    try:
        return run(scenario, plan, seed)
    except Exception as error:  # noqa: BLE001 (any error is told)
        print(f"{scenario} {seed} {_format(plan)}\n    {error!r}", flush=True)
        return ()


@cache
def _length(scenario: str) -> int:
    """Return the number of steps of a run without faults, and half as many again: runs with faults are longer."""
    return len(run(scenario, {})) * 3 // 2


def _format(plan: Plan) -> str:
    return " ".join(f"{number}:{fault}" for number, fault in sorted(plan.items()))


def _parsed(faults: list[str]) -> Iterator[tuple[int, str]]:
    for fault in faults:
        number, _, name = fault.partition(":")
        yield int(number), name


if __name__ == "__main__":
    sys.exit(main())
