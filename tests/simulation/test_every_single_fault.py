"""Every request of every scenario meets every fault, one at a time. A failure names the experiment to run again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from tests.simulation.network import FAULTS
from tests.simulation.run import run
from tests.simulation.scenarios import SCENARIOS


@pytest.mark.timeout(600)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_promise_survives_any_single_fault(scenario: str) -> None:
    steps = run(scenario, {})
    broken = list(_broken(scenario, steps, list(FAULTS)))
    print(f"{scenario}: {len(steps)} steps, {len(steps) * len(FAULTS)} faults, {len(broken)} broken promises")
    assert not broken, "\n".join(broken)


def _broken(scenario: str, steps: Sequence[str], faults: Sequence[str]) -> Iterator[str]:
    for number, step in enumerate(steps):
        for fault in faults:
            try:
                run(scenario, {number: fault})
            except Exception as error:  # noqa: BLE001 (whatever it is, it is told)
                yield f"{scenario} {number}:{fault} ({step}): {error!r}"


@pytest.mark.parametrize("fault", ["", "pause-before", "crash-after"])
def test_the_same_experiment_takes_the_same_steps(fault: str) -> None:
    assert run("many-patches", {9: fault}, seed=7) == run("many-patches", {9: fault}, seed=7)
